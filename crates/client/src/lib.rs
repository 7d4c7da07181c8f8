//! (empty until its first resident moves in)
