//! What learners do with plain numbers: no tensors here.

pub mod gae;
pub mod replay;
