//! `fuzz::targets::jwt` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::jwt(data));
