//! The sections of the report. Each measures something and returns its part of the page in Markdown.

pub mod http2;
pub mod memory;
pub mod queue;
pub mod scale;
pub mod small;
pub mod spiders;
pub mod transfers;
pub mod work;
