//! A whole stream, header included: it ends in a message or an error, and no length is taken on trust.
#![no_main]

libfuzzer_sys::fuzz_target!(|stream: &[u8]| {
    let mut rest = stream;
    while wire::blocking::receive::<wire::Request>(&mut rest).is_ok() {}
    if let Some(Ok(header)) = stream.first_chunk().map(|bytes| wire::frame::Header::parse(*bytes)) {
        assert!(header.length <= wire::MAX_BODY);
    }
});
