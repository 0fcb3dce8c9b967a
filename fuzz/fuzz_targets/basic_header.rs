//! `fuzz::targets::basic_header` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::basic_header(data));
