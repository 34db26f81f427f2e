//! A daemon reads whatever a peer sends: what decodes must encode to something that decodes to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(request) = wire::frame::decode::<wire::Request>(body) {
        let again = wire::frame::encode(&request).unwrap();
        assert_eq!(wire::frame::decode::<wire::Request>(&again[wire::HEADER_LEN..]).unwrap(), request);
    }
});
