//! Whatever a proxy passes on, the reader is what the proxy itself appended; and any bytes are a header of the PROXY
//! protocol or none.

#![no_main]

use std::net::IpAddr;

use dropfeed::testing::config::TrustedProxies;
use dropfeed::testing::http::{forwarded, proxy};
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fuzz_target!(|input: &[u8]| {
    let proxies = TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap()], unix: true };
    for name in [X_FORWARDED_FOR, FORWARDED] {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name.clone(), value);
            }
        }
        if let Some(reader) = forwarded::reader(&headers, &proxies) {
            assert_eq!(reader, reader.to_canonical());
        }
        let appended = if name == FORWARDED { "for=192.0.2.1, for=10.0.0.1" } else { "192.0.2.1, 10.0.0.1" };
        headers.append(name, HeaderValue::from_static(appended));
        assert_eq!(forwarded::reader(&headers, &proxies), Some(IpAddr::from([192, 0, 2, 1])));
    }
    if let Some(Some(client)) = proxy::parse(input) {
        assert_eq!(client, client.to_canonical());
        // A header ends where it ends.
        assert_eq!(proxy::parse(&[input, b"x"].concat()), None);
    }
});
