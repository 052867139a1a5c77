//! The e-mail addresses that Atom and its validators accept.

/// Whether `text` is an `addr-spec` (RFC 2822, 3.4.1) that is valid on the internet: a dot-atom of
/// ASCII, and a host name with a dot. Validators look up other hosts in the DNS.
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty()
        && local.chars().all(is_of_local_part)
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

fn is_of_local_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.c", "ada.l+feeds@mail.example.org", "o'neil@example.ie"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.c",
            "a@b",
            "a@localhost",
            "a b@c.d",
            "Ada <a@b.c>",
            "ä@b.c",
            "a@b..c",
            "a@b.c.",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
