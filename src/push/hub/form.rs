//! Reads a request for a subscription (section 5.1): `application/x-www-form-urlencoded`, in UTF-8.
//!
//! A field that is known may occur once; others are ignored, as the standard requires.

use std::borrow::Cow;

use url::form_urlencoded;

use super::callback::{self, Callback, URL_BYTES_MAX};
use super::model::{Mode, Secret};

/// The largest body, in bytes: the longest callback and topic, percent-encoded.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// The lease of a request that asks for none: 10 days, as section 8.2 recommends, in seconds.
pub const LEASE_S: u32 = 10 * 24 * 3600;

/// The shortest lease, in seconds. A request for less gets this.
pub const LEASE_S_MIN: u32 = 3600;

/// The longest lease, in seconds. A request for more gets this.
pub const LEASE_S_MAX: u32 = 15 * 24 * 3600;

/// The most fields of a form.
const FIELDS_MAX: usize = 64;

/// A secret has to be shorter than this, in bytes.
const SECRET_BYTES_END: usize = 200;

/// A form that was understood. Its topic is not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// `hub.mode`
    pub mode: Mode,
    /// `hub.topic`, as it was written.
    pub topic: String,
    /// `hub.callback`
    pub callback: Callback,
    /// `hub.secret`
    pub secret: Option<Secret>,
    /// `hub.lease_seconds` within the limits, in seconds.
    pub lease_s: u32,
}

/// The fields as they were sent.
#[derive(Default)]
struct Fields {
    mode: Option<String>,
    topic: Option<String>,
    callback: Option<String>,
    secret: Option<String>,
    lease: Option<String>,
}

/// Reads a form. `ports`: those that a callback may have; `None` for all.
///
/// # Errors
/// One sentence for the developer of the subscriber.
pub fn parse(body: &[u8], ports: Option<&[u16]>) -> Result<Form, &'static str> {
    let fields = fields(body)?;
    let mode = match fields.mode.as_deref() {
        Some("subscribe") => Mode::Subscribe,
        Some("unsubscribe") => Mode::Unsubscribe,
        Some("publish") => {
            return Err("This hub learns of changes by itself: there is no hub.mode publish.");
        }
        Some(_) => return Err("The field hub.mode has to be subscribe or unsubscribe."),
        None => return Err("The field hub.mode is missing."),
    };
    let topic = fields.topic.ok_or("The field hub.topic is missing.")?;
    if topic.is_empty() || topic.len() > URL_BYTES_MAX {
        return Err("The field hub.topic has to have 1 to 2048 bytes.");
    }
    let callback = fields.callback.ok_or("The field hub.callback is missing.")?;
    let callback = callback::check(&callback, ports)?;
    let secret = match fields.secret {
        // Some clients send the field of a form that was left empty.
        None => None,
        Some(secret) if secret.is_empty() => None,
        Some(secret) if secret.len() >= SECRET_BYTES_END => {
            return Err("The field hub.secret has to be shorter than 200 bytes.");
        }
        Some(secret) => Some(Secret::new(&secret)),
    };
    // Of an unsubscription it is ignored, whatever it is.
    let lease_s = match (mode, fields.lease) {
        (Mode::Subscribe, Some(lease)) => lease_of(&lease)?,
        _ => LEASE_S,
    };
    Ok(Form { mode, topic, callback, secret, lease_s })
}

/// A field of a form as it was sent: its name and its value, decoded.
pub(crate) type Pair<'b> = (Cow<'b, str>, Cow<'b, str>);

/// The fields of a form, in their order.
///
/// # Errors
/// One sentence.
pub(crate) fn pairs(body: &[u8]) -> Result<Vec<Pair<'_>>, &'static str> {
    // The parser leaves such a sign as it is.
    if !callback::is_percent_encoded(body) {
        return Err("The form has a percent sign that is not followed by two hexadecimal digits.");
    }
    let pairs: Vec<_> = form_urlencoded::parse(body).take(FIELDS_MAX + 1).collect();
    if pairs.len() > FIELDS_MAX {
        return Err("The form has too many fields.");
    }
    Ok(pairs)
}

/// Sets a field of a form to its value; `twice`: the sentence for one that is set already.
///
/// # Errors
/// One sentence.
pub(crate) fn set(
    field: &mut Option<String>,
    value: Cow<'_, str>,
    twice: &'static str,
) -> Result<(), &'static str> {
    // The parser puts this in place of what is not UTF-8.
    if value.contains('\u{fffd}') {
        return Err("The form has to be in UTF-8.");
    }
    match field.replace(value.into_owned()) {
        None => Ok(()),
        Some(_) => Err(twice),
    }
}

fn fields(body: &[u8]) -> Result<Fields, &'static str> {
    if body.len() > BODY_BYTES_MAX {
        return Err("The form is too long.");
    }
    let mut fields = Fields::default();
    for (name, value) in pairs(body)? {
        let (field, twice) = match &*name {
            "hub.mode" => (&mut fields.mode, "The field hub.mode occurs twice."),
            "hub.topic" => (&mut fields.topic, "The field hub.topic occurs twice."),
            "hub.callback" => (&mut fields.callback, "The field hub.callback occurs twice."),
            "hub.secret" => (&mut fields.secret, "The field hub.secret occurs twice."),
            "hub.lease_seconds" => (&mut fields.lease, "The field hub.lease_seconds occurs twice."),
            _ => continue,
        };
        set(field, value, twice)?;
    }
    Ok(fields)
}

/// A positive decimal integer, brought within the limits. What no program could mean is refused.
fn lease_of(text: &str) -> Result<u32, &'static str> {
    const WRONG: &str = "The field hub.lease_seconds has to be a positive number of seconds.";
    if text.is_empty() {
        return Ok(LEASE_S);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    match text.parse::<u32>() {
        Ok(0) => Err(WRONG),
        Ok(seconds) => Ok(seconds.clamp(LEASE_S_MIN, LEASE_S_MAX)),
        Err(_) => Err("The field hub.lease_seconds is too large."),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "hub.mode=subscribe&hub.topic=https%3A%2F%2Fexample.org%2Fatom.xml\
                        &hub.callback=https%3A%2F%2Freader.example%2Fc%3Fid%3D1";

    fn parsed(body: &str) -> Result<Form, &'static str> {
        parse(body.as_bytes(), Some(&[80, 443]))
    }

    #[test]
    fn a_form() {
        let form =
            parsed(&format!("{GOOD}&hub.secret=s%20%C3%BC&hub.verify=async&x=1&x=2")).unwrap();
        assert_eq!(form.mode, Mode::Subscribe);
        assert_eq!(form.topic, "https://example.org/atom.xml");
        assert_eq!(&*form.callback.url, "https://reader.example/c?id=1");
        assert_eq!(&*form.callback.host, "reader.example");
        assert_eq!(form.secret, Some(Secret::new("s ü")));
        assert_eq!(form.lease_s, LEASE_S);
        let other = GOOD.replace("=subscribe", "=unsubscribe");
        let form = parsed(&format!("{other}&hub.lease_seconds=-1&hub.secret=")).unwrap();
        assert_eq!((form.mode, form.secret), (Mode::Unsubscribe, None));
    }

    #[test]
    fn leases_are_brought_within_limits() {
        for (text, lease_s) in [
            ("1", LEASE_S_MIN),
            ("3600", 3600),
            ("86400", 86_400),
            ("4294967295", LEASE_S_MAX),
            ("", LEASE_S),
            ("007200", 7200),
        ] {
            let form = parsed(&format!("{GOOD}&hub.lease_seconds={text}")).unwrap();
            assert_eq!(form.lease_s, lease_s, "{text}");
        }
    }

    #[test]
    fn bad_input() {
        let long = "a".repeat(4096);
        for (from, to, word) in [
            ("hub.mode=subscribe", "", "hub.mode is missing"),
            ("hub.mode=subscribe", "hub.mode=", "hub.mode has to be"),
            ("hub.mode=subscribe", "hub.mode=Subscribe", "hub.mode has to be"),
            ("hub.mode=subscribe", "hub.mode=denied", "hub.mode has to be"),
            ("hub.mode=subscribe", "hub.mode=publish", "by itself"),
            (
                "hub.mode=subscribe",
                "hub.mode=subscribe&hub.mode=subscribe",
                "hub.mode occurs twice",
            ),
            ("hub.topic=", "other=", "hub.topic is missing"),
            ("hub.topic=", "hub.topic=a&hub.topic=", "hub.topic occurs twice"),
            ("hub.topic=", &format!("hub.topic={long}"), "hub.topic has to have"),
            ("hub.callback=", "callback=", "hub.callback is missing"),
            ("hub.callback=", "hub.callback=x&hub.callback=", "hub.callback occurs twice"),
            ("https%3A%2F%2Freader", "ftp%3A%2F%2Freader", "http or https"),
            ("https%3A%2F%2Freader", "javascript%3A%2F%2Freader", "http or https"),
            ("https%3A%2F%2Freader.example", "", "hub.callback has to be a whole URL"),
            ("%2F%2Freader", "%2F%2Fme:word%40reader", "credentials"),
            ("%2F%2Freader", "%2F%2Fme%40reader", "credentials"),
            ("id%3D1", "id%3D1%23part", "fragment"),
            ("id%3D1", &format!("id%3D{long}"), "hub.callback has to have"),
            ("reader.example", "reader.example:22", "port"),
            ("id%3D1", "id%3D1&hub.secret=a&hub.secret=a", "hub.secret occurs twice"),
            ("id%3D1", &format!("id%3D1&hub.secret={}", &long[..200]), "shorter than 200"),
            ("id%3D1", "id%3D1&hub.lease_seconds=0", "positive"),
            ("id%3D1", "id%3D1&hub.lease_seconds=-1", "positive"),
            ("id%3D1", "id%3D1&hub.lease_seconds=1.5", "positive"),
            ("id%3D1", "id%3D1&hub.lease_seconds=1000000000000000000000000000000", "too large"),
            ("id%3D1", "id%3D1&hub.lease_seconds=60&hub.lease_seconds=60", "occurs twice"),
            ("id%3D1", "id%3D%ff", "UTF-8"),
            ("id%3D1", "id%3D1&hub.secret=%", "hexadecimal"),
            ("id%3D1", "id%3D1&a=%u0041", "hexadecimal"),
            ("id%3D1", "id%3D1%25zz", "characters"),
            ("id%3D1", &format!("id%3D1{}", "&a=b".repeat(64)), "too many fields"),
            ("id%3D1", &format!("id%3D1&a={}", "a".repeat(1024 * 1024)), "too long"),
        ] {
            let body = GOOD.replacen(from, to, 1);
            assert_ne!(body, GOOD);
            let mistake = parsed(&body).unwrap_err();
            assert!(mistake.contains(word), "{word}: {mistake}");
        }
        assert!(parsed("").is_err());
    }

    proptest! {
        /// No bytes panic, and what is accepted is within the limits.
        #[test]
        fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..300), tail in "[-0-9a-z.%&=/:?@#]{0,60}") {
            for body in [body, format!("{GOOD}{tail}").into_bytes()] {
                if let Ok(form) = parse(&body, None) {
                    prop_assert!((LEASE_S_MIN..=LEASE_S_MAX).contains(&form.lease_s));
                    prop_assert!(form.callback.url.len() <= URL_BYTES_MAX);
                }
            }
        }
    }
}
