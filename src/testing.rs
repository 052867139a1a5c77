//! What the integration tests, the fuzz targets and the benches use, and nothing else: not an
//! interface, it changes without notice.
//!
//! Everything else is private to the crate, so that the compiler sees what is used by nothing.

#![allow(missing_docs, reason = "each item is documented at its home")]

pub mod article {
    pub use crate::article::front_matter::split;
    pub use crate::article::{
        Head, Limits, Reading, body, head, invariants::check as check_invariants,
    };
}

pub mod base {
    pub use crate::base::path::{FileKind, Markup};
    pub use crate::base::text::clean;
    pub use crate::base::{Digest, Format, RelPath, Route, Scope, Severity, Timestamp};
}

pub mod feed {
    pub use crate::feed::delta;
    pub use crate::feed::gate::write_checked;
    pub use crate::feed::{Entry, Feed};
}

pub mod config {
    pub use crate::config::{Config, Content, Feeds, Server, Site, TrustedProxies};
}

pub mod engine {
    pub use crate::engine::renderer::Renderer;
    pub use crate::engine::{Command, Engine, Parts, settling};
    pub use crate::ops::clock::{Clock, ManualClock, SystemClock};
}

pub mod http {
    pub use crate::http::answer::{conditional, encoding, range, request};
    pub use crate::http::direct::Direct;
    pub use crate::http::metrics::{CONTENT_TYPE, Requests, Scrape, text};
    pub use crate::http::net::{forwarded, proxy};
    pub use crate::http::{Edge, Exchange, Metrics, Observer, Request, Role, Running, Tls, start};
    pub use crate::ops::certificate::CertificateFiles;
    pub use crate::ops::sockets::{ListenSocket, listen_unix};
}

pub mod library {
    pub use crate::library::{Commit, Remembered, Seq, Words};
}

pub mod publish {
    pub use crate::publish::{
        Asset, Coding, Document, Extent, Found, Kind, PollReason, Published, Redirect, Render,
        Snapshot, Unrendered, Watching,
    };
}

pub mod push {
    pub use crate::push::hub::{callback, form};
}

pub mod source {
    pub use crate::source::{Inbox, Look, Signs, Tree};
}

pub mod store {
    pub use crate::store::database::rows;
    pub use crate::store::model::{Disk, Fault, Loss};
    pub use crate::store::state_bytes;
    pub use crate::store::{Database, Lock, Projected, Projector, Store, StoreError, Target};
}
