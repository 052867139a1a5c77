//! The clock, and what operators see and touch: the log, the service manager, exit status.

pub mod clock;
pub mod logging;
pub mod systemd;

/// Exit status: something else is in the way now, another try may succeed (sysexits.h, `EX_TEMPFAIL`). The state is in
/// use by another instance.
pub const EX_TEMPFAIL: u8 = 75;

/// Exit status: the configuration is wrong, and no other try will change that (sysexits.h, `EX_CONFIG`).
pub const EX_CONFIG: u8 = 78;
