//! The use of a listening socket.

/// The use of a listening socket, and of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The site, without TLS.
    Plain,
    /// The site, with TLS.
    Tls,
    /// Redirects to the https address of the site, without TLS.
    Redirect,
}

impl Role {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Plain | Self::Redirect => "http",
            Self::Tls => "https",
        }
    }
}
