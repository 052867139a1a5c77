//! The clock, and the interface to operators: the log, the service manager, the control
//! socket, listening sockets and certificates, exit statuses.

pub mod certificate;
pub mod clock;
pub mod clock_set;
pub mod command;
pub mod control;
pub mod fetch;
pub mod line_log;
pub mod listener;
pub mod logging;
pub mod outgoing;
pub mod pulse;
pub mod secret;
pub mod sockets;
pub mod systemd;
pub mod watchdog;
pub mod writable;

/// Exit status: the state is in use by another instance (sysexits.h, `EX_TEMPFAIL`); another try
/// may succeed.
pub const EX_TEMPFAIL: u8 = 75;

/// Exit status: an operator has to act, as after an error in the configuration (sysexits.h,
/// `EX_CONFIG`).
pub const EX_CONFIG: u8 = 78;
