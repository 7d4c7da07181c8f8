//! Warnings for the people behind a client (spec/oci.md 9.3): some clients print them.

use crate::body::Body;
use http::{HeaderValue, Response, header};

/// Microseconds before the end of a token from which its bearer is warned.
const SOON: i64 = 15 * 60_000_000;

/// Says when the token of the request has less than 15 minutes left; `left` is in microseconds.
pub(super) fn warn_of_expiry(response: &mut Response<Body>, left: i64) {
    if left >= SOON {
        return;
    }
    // Rounded up: never 0, which would be over.
    let minutes = (left.max(1) + 59_999_999) / 60_000_000;
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let text = format!("299 - \"the authorization token expires in {minutes} {unit}: log in again\"");
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().append(header::WARNING, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_quarter_of_an_hour_is_told() {
        let warning = |left| {
            let mut response = Response::new(Body::Empty);
            warn_of_expiry(&mut response, left);
            response.headers().get(header::WARNING).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(warning(12 * 60 * 60_000_000), None);
        assert_eq!(warning(SOON), None);
        for (left, told) in
            [(SOON - 1, "15 minutes"), (60_000_001, "2 minutes"), (60_000_000, "1 minute"), (1, "1 minute")]
        {
            let text = format!("299 - \"the authorization token expires in {told}: log in again\"");
            assert_eq!(warning(left), Some(text));
        }
    }
}
