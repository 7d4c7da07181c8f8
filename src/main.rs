//! acre: a private container registry whose control plane is the ECR API.
fn main() {}
