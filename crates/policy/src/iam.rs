//! Policies in IAM's language: who may do what to a repository (spec/ecr.md 6). Start at [`document`].

pub mod condition;
pub mod document;
pub mod invalid;
pub mod principal;
