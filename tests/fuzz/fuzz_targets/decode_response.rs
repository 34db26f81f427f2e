//! A client reads whatever a daemon sends: what decodes must encode to something that decodes to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(response) = wire::frame::decode::<wire::Response>(body) {
        let again = wire::frame::encode(&response).unwrap();
        assert_eq!(wire::frame::decode::<wire::Response>(&again[wire::HEADER_LEN..]).unwrap(), response);
    }
});
