//! acre: a private container registry whose control plane is the ECR API.
use acre_server::config::Flag;
fn main() {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let flags: Vec<Flag> = args
        .chunks(2)
        .map(|pair| Flag { key: pair[0].trim_start_matches('-').into(), text: pair[1].clone(), origin: pair[0].clone() })
        .collect();
    acre_server::serve(&flags).unwrap();
}
