//! What learners do with plain numbers: no tensors here.

pub mod episodes;
pub mod gae;
pub mod replay;
