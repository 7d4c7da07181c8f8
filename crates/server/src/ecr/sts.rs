//! STS as far as clients need it: `GetCallerIdentity`, query in, XML out (spec/ecr.md 12).

use crate::body::{Body, RequestBody};
use crate::doors::{Doors, Head};
use crate::identity::sigv4;
use crate::observe::Outcome;
use acre_wire::sigv4::body_hash;
use acre_wire::sts::{CONTENT_TYPE, CallerIdentity, ErrorCode, FORM, StsRequest};
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// A form this long is nobody's question.
const MAX_FORM: usize = 64 << 10;

pub(super) async fn serve(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
) -> (&'static str, Response<Body>) {
    let is_form = head.header(header::CONTENT_TYPE).is_some_and(|value| {
        value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
    });
    let is_query = head.parts.method == Method::GET
        && head
            .parts
            .uri
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")));
    if !is_form && !is_query {
        return ("-", crate::doors::not_found());
    }
    let (outcome, status, xml) = match identify(doors, head, body).await {
        Ok(identity) => (Outcome::DONE, StatusCode::OK, identity.body(&head.request_id)),
        Err((code, text)) => {
            let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (Outcome(code.as_str()), status, code.body(&text, &head.request_id))
        }
    };
    let mut response = Response::new(Body::Whole(Bytes::from(xml)));
    response.extensions_mut().insert(outcome);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    ("GetCallerIdentity", response)
}

async fn identify(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
) -> Result<CallerIdentity, (ErrorCode, String)> {
    let refused = |error: acre_wire::sigv4::AuthError| (ErrorCode::from(&error), error.to_string());
    let claimed = sigv4::claim(&doors.registry, &head.parts, "sts").map_err(refused)?;
    let form = doors.budget.read_whole(body, MAX_FORM).await;
    let form = form.map_err(|error| (ErrorCode::ValidationError, error.to_string()))?.bytes;
    let caller = claimed.verify(&body_hash(&form), &head.request_id).map_err(refused)?;
    head.identify(&caller);
    let question = match head.parts.uri.query() {
        Some(query) if head.parts.method == Method::GET => query.as_bytes(),
        _ => &form,
    };
    match StsRequest::parse(question) {
        Ok(StsRequest::GetCallerIdentity) => Ok(CallerIdentity {
            account: caller.principal.account.to_string(),
            arn: caller.principal.arn.clone(),
            user_id: caller.principal.unique_id.clone(),
        }),
        Err(unknown) => Err((unknown.code(), unknown.to_string())),
    }
}
