//! The exceptions of the control plane: names, HTTP status, body (spec/ecr.md 1.4).

use crate::sigv4::AuthError;
use serde_json::{Map, Value};

/// Names as clients know them; each variant is told with its status.
macro_rules! codes {
    ($($variant:ident $name:literal $status:literal)*) => {
        /// An exception, by its name on the wire without the word Exception.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "`, HTTP ", stringify!($status), ".")] $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What stands in `__type`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status: 400 for everything that the client can mend.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    AccessDenied "AccessDeniedException" 400
    AccountAlreadyExists "AccountAlreadyExistsException" 400
    EmptyUpload "EmptyUploadException" 400
    ExclusionAlreadyExists "ExclusionAlreadyExistsException" 400
    ExclusionNotFound "ExclusionNotFoundException" 400
    ExpiredToken "ExpiredTokenException" 400
    ImageAlreadyExists "ImageAlreadyExistsException" 400
    ImageDigestDoesNotMatch "ImageDigestDoesNotMatchException" 400
    ImageNotFound "ImageNotFoundException" 400
    ImageTagAlreadyExists "ImageTagAlreadyExistsException" 400
    IncompleteSignature "IncompleteSignatureException" 400
    InvalidLayer "InvalidLayerException" 400
    InvalidLayerPart "InvalidLayerPartException" 400
    InvalidParameter "InvalidParameterException" 400
    InvalidSignature "InvalidSignatureException" 400
    InvalidTagParameter "InvalidTagParameterException" 400
    Kms "KmsException" 400
    LayerAlreadyExists "LayerAlreadyExistsException" 400
    LayerInaccessible "LayerInaccessibleException" 400
    LayerPartTooSmall "LayerPartTooSmallException" 400
    LayersNotFound "LayersNotFoundException" 400
    LifecyclePolicyNotFound "LifecyclePolicyNotFoundException" 400
    LifecyclePolicyPreviewNotFound "LifecyclePolicyPreviewNotFoundException" 400
    LimitExceeded "LimitExceededException" 400
    MissingAuthenticationToken "MissingAuthenticationTokenException" 400
    PullThroughCacheRuleAlreadyExists "PullThroughCacheRuleAlreadyExistsException" 400
    PullThroughCacheRuleNotFound "PullThroughCacheRuleNotFoundException" 400
    ReferencedImagesNotFound "ReferencedImagesNotFoundException" 400
    RegistryPolicyNotFound "RegistryPolicyNotFoundException" 400
    ReplicationBackfillNotFound "ReplicationBackfillNotFoundException" 400
    RepositoryAlreadyExists "RepositoryAlreadyExistsException" 400
    RepositoryNotEmpty "RepositoryNotEmptyException" 400
    RepositoryNotFound "RepositoryNotFoundException" 400
    RepositoryPolicyNotFound "RepositoryPolicyNotFoundException" 400
    RequestTimeout "RequestTimeoutException" 408
    ScanNotFound "ScanNotFoundException" 400
    SecretNotFound "SecretNotFoundException" 400
    Serialization "SerializationException" 400
    Server "ServerException" 500
    ServiceUnavailable "ServiceUnavailableException" 503
    SigningConfigurationNotFound "SigningConfigurationNotFoundException" 400
    TemplateAlreadyExists "TemplateAlreadyExistsException" 400
    TemplateNotFound "TemplateNotFoundException" 400
    Throttling "ThrottlingException" 400
    TooManyTags "TooManyTagsException" 400
    UnknownOperation "UnknownOperationException" 400
    UnrecognizedClient "UnrecognizedClientException" 400
    UnsupportedUpstreamRegistry "UnsupportedUpstreamRegistryException" 400
    UploadNotFound "UploadNotFoundException" 400
    Validation "ValidationException" 400
}

impl ErrorCode {
    /// The code of that name; a client finds out with it what a server answered. A prefix up to `#` is dropped.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.rsplit('#').next().unwrap_or(name);
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl From<&AuthError> for ErrorCode {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Missing => Self::MissingAuthenticationToken,
            AuthError::Incomplete(_) => Self::IncompleteSignature,
            AuthError::UnknownKey | AuthError::SessionToken => Self::UnrecognizedClient,
            AuthError::BadSignature | AuthError::Time(_) | AuthError::WrongScope(_) => Self::InvalidSignature,
        }
    }
}

/// The body of an answer that is an exception: `{"__type":…,"message":…}`.
pub fn body(code: ErrorCode, message: &str) -> Vec<u8> {
    body_with(code, message, Map::new())
}

/// The same, with the members that this exception has besides.
pub fn body_with(code: ErrorCode, message: &str, members: Map<String, Value>) -> Vec<u8> {
    let mut body = members;
    body.insert("__type".into(), code.as_str().into());
    body.insert("message".into(), message.into());
    Value::Object(body).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_name_the_code() {
        let bytes = body(ErrorCode::RepositoryNotFound, "The repository \"a\"\n");
        insta::assert_snapshot!(
            String::from_utf8(bytes).unwrap(),
            @r#"{"__type":"RepositoryNotFoundException","message":"The repository \"a\"\n"}"#
        );
    }

    #[test]
    fn members_of_an_exception_stand_beside_its_text() {
        let members = Map::from_iter([("lastValidByteReceived".to_owned(), Value::from(7))]);
        insta::assert_snapshot!(
            String::from_utf8(body_with(ErrorCode::InvalidLayerPart, "text", members)).unwrap(),
            @r#"{"__type":"InvalidLayerPartException","lastValidByteReceived":7,"message":"text"}"#
        );
    }

    #[test]
    fn names_read_back() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.as_str()), Some(*code));
            assert_eq!(ErrorCode::from_name(&format!("com.amazonaws.ecr#{}", code.as_str())), Some(*code));
            let fault = matches!(code, ErrorCode::Server | ErrorCode::ServiceUnavailable);
            assert_eq!(code.status() >= 500, fault, "{code:?}");
        }
        assert_eq!(ErrorCode::from_name(""), None);
    }
}
