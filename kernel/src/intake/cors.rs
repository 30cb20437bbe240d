//! Cross-origin requests (Fetch, section 3.2): which pages in a browser may post telemetry here.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::answer::Answer;

/// What a preflight's answer depends on, for caches between.
const VARIES: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const POST: HeaderValue = HeaderValue::from_static("POST");

#[derive(Clone)]
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Cors {
    any_origin: bool,
    origins: Vec<Pattern>,
    /// In lower case; `None` where any may be sent.
    headers: Option<Vec<String>>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

#[pymethods]
impl Cors {
    /// Raises `ValueError` for names of headers that are none.
    #[new]
    #[pyo3(signature = (*, origins, headers, exposed = Vec::new(), max_age = 0))]
    fn new(
        origins: Vec<String>,
        headers: Vec<String>,
        exposed: Vec<String>,
        max_age: u64,
    ) -> PyResult<Self> {
        let any = headers.iter().any(|name| name == "*");
        let exposed = HeaderValue::from_str(&exposed.join(", "))
            .map_err(|_| PyValueError::new_err("expected names of headers to expose"))?;
        Ok(Self {
            any_origin: origins.iter().any(|origin| origin == "*"),
            origins: origins.iter().map(|origin| Pattern::new(origin)).collect(),
            headers: (!any).then(|| headers.iter().map(|name| name.to_lowercase()).collect()),
            exposed: (!exposed.is_empty()).then_some(exposed),
            max_age: (max_age > 0).then(|| max_age.into()),
        })
    }
}

impl Cors {
    /// The answer to a browser that asks whether it may send a request; `None` for other requests.
    pub fn preflight(&self, head: &Parts) -> Option<Response<Answer>> {
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Answer::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(VARY, VARIES);
        let asked = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if method == Method::POST.as_str()
            && asked.is_none_or(|asked| self.allows(asked))
            && self.admit(&head.headers, headers)
        {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, POST);
            let answers = [
                (ACCESS_CONTROL_ALLOW_HEADERS, asked),
                (ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref()),
            ];
            for (name, value) in answers {
                value.map(|value| headers.insert(name, value.clone()));
            }
        }
        Some(response)
    }

    /// Let the page that sent a request see its answer, if it may.
    pub fn mark(&self, request: &HeaderMap, response: &mut Response<Answer>) {
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_name(ORIGIN));
        if self.admit(request, headers)
            && let Some(exposed) = &self.exposed
        {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    fn admit(&self, request: &HeaderMap, response: &mut HeaderMap) -> bool {
        let Some(origin) = request.get(ORIGIN) else { return false };
        if self.any_origin {
            // Any page may send, but none in its user's name.
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            return true;
        }
        let is_known = self.origins.iter().any(|pattern| pattern.matches(origin));
        if is_known {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        is_known
    }

    fn allows(&self, asked: &HeaderValue) -> bool {
        let Some(allowed) = &self.headers else { return true };
        let Ok(asked) = asked.to_str() else { return false };
        let mut names = asked.split(',').map(|name| name.trim().to_lowercase());
        names.all(|name| allowed.contains(&name))
    }
}

/// An origin, in which one `*` stands for anything.
#[derive(Clone)]
enum Pattern {
    Exact(String),
    Around(String, String),
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        match text.split_once('*') {
            Some((start, end)) => Self::Around(start.into(), end.into()),
            None => Self::Exact(text),
        }
    }

    fn matches(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let origin = origin.to_lowercase();
        match self {
            Self::Exact(text) => *text == origin,
            Self::Around(start, end) => {
                origin.len() >= start.len() + end.len()
                    && origin.starts_with(start)
                    && origin.ends_with(end)
            }
        }
    }
}
