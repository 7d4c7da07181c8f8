//! The piece of STS that clients need: `GetCallerIdentity`, query in and XML out (spec/ecr.md 12).

use crate::sigv4::AuthError;
use std::borrow::Cow;

/// The content type of answers.
pub const CONTENT_TYPE: &str = "text/xml";

/// The content type of requests; parameters such as a charset may follow it.
pub const FORM: &str = "application/x-www-form-urlencoded";

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const VERSION: &str = "2011-06-15";

/// Longest name of an action that is repeated in an answer.
const LONGEST_NAME: usize = 128;

/// A request, by its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsRequest {
    /// Who signed this?
    GetCallerIdentity,
}

/// Why there is no such request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchRequest {
    /// No parameter `Action`.
    #[error("The request must contain the parameter Action.")]
    MissingAction,
    /// An action or a version that is not here.
    #[error("Could not find operation {action} for version {version}")]
    Unknown {
        /// At most 128 characters of it.
        action: String,
        /// At most 128 characters of it.
        version: String,
    },
}

impl NoSuchRequest {
    /// The code to answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::MissingAction => ErrorCode::MissingAction,
            Self::Unknown { .. } => ErrorCode::InvalidAction,
        }
    }
}

impl StsRequest {
    /// Reads the form of a POST, or the query of a GET: both look the same, and the first `Action` counts.
    pub fn parse(form: &[u8]) -> Result<Self, NoSuchRequest> {
        let parameter = |wanted: &str| {
            form.split(|c| *c == b'&').find_map(|pair| {
                let mut halves = pair.splitn(2, |c| *c == b'=');
                let name = decode(halves.next().unwrap_or_default());
                (name == wanted).then(|| decode(halves.next().unwrap_or_default()))
            })
        };
        let action = parameter("Action").ok_or(NoSuchRequest::MissingAction)?;
        let version = parameter("Version").unwrap_or_else(|| VERSION.to_owned());
        match (action.as_str(), version.as_str()) {
            ("GetCallerIdentity", VERSION) => Ok(Self::GetCallerIdentity),
            _ => Err(NoSuchRequest::Unknown { action: shorten(action), version: shorten(version) }),
        }
    }
}

fn decode(raw: &[u8]) -> String {
    let spaced: Vec<u8> = raw.iter().map(|c| if *c == b'+' { b' ' } else { *c }).collect();
    percent_encoding::percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

fn shorten(text: String) -> String {
    if text.len() <= LONGEST_NAME { text } else { text.chars().take(LONGEST_NAME).collect() }
}

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// `arn:aws:iam::<account>:root`, or a user's or a session's.
    pub arn: String,
    /// Of a root, the account; else an id.
    pub user_id: String,
}

impl CallerIdentity {
    /// The body that tells it.
    pub fn body(&self, request_id: &str) -> String {
        format!(
            "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{}</Arn>\
             <UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult><ResponseMetadata>\
             <RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
            escape(&self.arn),
            escape(&self.user_id),
            escape(&self.account),
            escape(request_id),
        )
    }
}

/// Codes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The caller may not.
    AccessDenied,
    /// The token has run out.
    ExpiredToken,
    /// The signature cannot be read.
    IncompleteSignature,
    /// The server is at fault.
    InternalFailure,
    /// No such action.
    InvalidAction,
    /// No such key.
    InvalidClientTokenId,
    /// No action.
    MissingAction,
    /// No signature.
    MissingAuthenticationToken,
    /// The server stops or is too busy.
    ServiceUnavailable,
    /// The signature is not right, or not now.
    SignatureDoesNotMatch,
    /// Too many requests.
    Throttling,
    /// A parameter breaks a rule.
    ValidationError,
}

impl ErrorCode {
    /// What stands in `Code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::ExpiredToken => "ExpiredToken",
            Self::IncompleteSignature => "IncompleteSignature",
            Self::InternalFailure => "InternalFailure",
            Self::InvalidAction => "InvalidAction",
            Self::InvalidClientTokenId => "InvalidClientTokenId",
            Self::MissingAction => "MissingAction",
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::Throttling => "Throttling",
            Self::ValidationError => "ValidationError",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::AccessDenied
            | Self::ExpiredToken
            | Self::InvalidClientTokenId
            | Self::MissingAuthenticationToken
            | Self::SignatureDoesNotMatch => 403,
            Self::IncompleteSignature
            | Self::InvalidAction
            | Self::MissingAction
            | Self::Throttling
            | Self::ValidationError => 400,
            Self::InternalFailure => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The body of an answer that is an error.
    pub fn body(self, message: &str, request_id: &str) -> String {
        let fault = if self.status() < 500 { "Sender" } else { "Receiver" };
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            self.as_str(),
            escape(message),
            escape(request_id),
        )
    }
}

impl From<&AuthError> for ErrorCode {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Missing => Self::MissingAuthenticationToken,
            AuthError::Incomplete(_) => Self::IncompleteSignature,
            AuthError::UnknownKey | AuthError::SessionToken => Self::InvalidClientTokenId,
            AuthError::BadSignature | AuthError::Time(_) | AuthError::WrongScope(_) => {
                Self::SignatureDoesNotMatch
            }
        }
    }
}

/// Text as XML 1.0 holds it; characters that it cannot hold at all become U+FFFD.
fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '<' | '>' | '&' | '"' | '\'') && is_xml(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if is_xml(c) => escaped.push(c),
            _ => escaped.push('\u{fffd}'),
        }
    }
    Cow::Owned(escaped)
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests() {
        for form in [
            &b"Action=GetCallerIdentity&Version=2011-06-15"[..],
            b"Version=2011-06-15&Action=GetCallerIdentity",
            b"Action=Get%43allerIdentity",
            b"Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        ] {
            assert_eq!(StsRequest::parse(form), Ok(StsRequest::GetCallerIdentity));
        }
        for form in [&b""[..], b"&&", b"action=GetCallerIdentity", b"=Action", b"\xff=%ff"] {
            assert_eq!(StsRequest::parse(form), Err(NoSuchRequest::MissingAction));
        }
        let unknown = StsRequest::parse(b"Action=Assume+Role&Version=2011-06-15").unwrap_err();
        assert_eq!(unknown.code(), ErrorCode::InvalidAction);
        insta::assert_snapshot!(unknown, @"Could not find operation Assume Role for version 2011-06-15");
        assert!(StsRequest::parse(b"Action=GetCallerIdentity&Version=2012-01-01").is_err());
        assert!(StsRequest::parse(b"Action").is_err());
    }

    #[test]
    fn answers() {
        let identity = CallerIdentity {
            account: "000000000000".into(),
            arn: "arn:aws:iam::000000000000:root".into(),
            user_id: "<&>".into(),
        };
        insta::assert_snapshot!(identity.body("id"), @r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root</Arn><UserId>&lt;&amp;&gt;</UserId><Account>000000000000</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#);
        insta::assert_snapshot!(ErrorCode::from(&AuthError::UnknownKey).body("it's \u{1}\u{fffe}wrong", "id"), @r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>it&#39;s ��wrong</Message></Error><RequestId>id</RequestId></ErrorResponse>"#);
        assert_eq!(ErrorCode::InternalFailure.status(), 500);
    }

    proptest! {
        #[test]
        fn any_form(form in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = StsRequest::parse(&form);
        }
    }
}
