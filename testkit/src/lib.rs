//! FOR TESTS ONLY: the real binary as a [`server`], a client that controls every byte ([`http`]), signed calls
//! ([`ecr`]), made [`image`]s, mixed load with a memory of what was acknowledged ([`workload`]), and a disk whose power
//! can be cut ([`powerloss`]) and whose calls can fail ([`faults`]).
//!
//! It must not know how acre works inside: it speaks to it as clients do, and reads its data folder as a user would.
//!
//! Start reading at [`server::Server::start`].

pub mod catalogue;
pub mod ecr;
pub mod faults;
pub mod http;
pub mod image;
pub mod leftovers;
pub mod powerloss;
pub mod random;
pub mod server;
pub mod workload;
