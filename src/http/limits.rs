//! Limits on what a client may send in the head of a request. Limits in time are the operator's, in
//! `config::Server`.

/// The number of fields in a head; more are answered with 431.
pub(super) const HEADERS_MAX: usize = 64;

/// Bytes of a head: the target, and every field with its separators.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a head that hyper buffers before it answers 431 by itself. More than
/// [`HEAD_BYTES_MAX`], so that a head that is too long is refused by dropfeed, with a page.
pub(super) const BUFFER_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// Bytes of a path and its query. RFC 9110, 4.1 recommends that 8000 be supported.
pub(super) const TARGET_BYTES_MAX: usize = 8 * 1024;
