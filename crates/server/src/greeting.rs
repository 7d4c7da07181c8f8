//! What a first start says: where the secrets are, and what to type for a first push. Never a secret itself.

use crate::config::Config;
use std::io::Write;

/// Writes the greeting; a stderr that is gone is no reason not to serve.
pub(crate) fn greet(config: &Config, host: &str, out: &mut impl Write) {
    let data = config.data.display();
    let _ = writeln!(
        out,
        "acre: first start in {data}

  credentials   {data}/credentials   (shown by: acre env --data {data})
  root key      {}   keep a copy elsewhere: without it nothing here can be read

  A first push, in another terminal:

    eval \"$(acre env --data {data})\"
    aws ecr create-repository --repository-name hello
    aws ecr get-login-password | docker login --username AWS --password-stdin {host}
    docker tag IMAGE {host}/hello:1
    docker push {host}/hello:1
",
        config.root_key_file.display(),
    );
}
