//! (stands here next)
