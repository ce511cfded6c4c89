use super::*;

/// A format, its arguments as JSON, and what Go 1.26 answers.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str)] = &[
    (r#"100% bad %s"#, r#"["x"]"#, r#"100%!b(string=x)ad %!s(MISSING)"#),
    (r#"100%"#, r#"[]"#, r#"100%!(NOVERB)"#),
    (r#"%s and %s"#, r#"["a"]"#, r#"a and %!s(MISSING)"#),
    (r#"%s"#, r#"["a", "b", 3]"#, r#"a%!(EXTRA string=b, int=3)"#),
    (r#"%d"#, r#"[3.5]"#, r#"%!d(float64=3.5)"#),
    (r#"%d"#, r#"["7d"]"#, r#"%!d(string=7d)"#),
    (r#"%6.2f|%05.1f|%-8.3f|%+.1f|% .1f"#, r#"[3.14159, 2.25, 1.5, 2.5, 7.25]"#, r#"  3.14|002.2|1.500   |+2.5| 7.2"#),
    (r#"%-5s|%5s|%05s|%.2s"#, r#"["ab", "cd", "ef", "ghi"]"#, r#"ab   |   cd|000ef|gh"#),
    (r#"%[2]s %[1]s"#, r#"["a", "b"]"#, r#"b a"#),
    (r#"%[3]s"#, r#"["a"]"#, r#"%!s(BADINDEX)"#),
    (r#"%[2]*[1]d|"#, r#"[7, 5]"#, r#"    7|"#),
    (r#"%*d|%-*d|"#, r#"[5, 7, 5, 7]"#, r#"    7|7    |"#),
    (r#"%.*f"#, r#"[2, 3.14159]"#, r#"3.14"#),
    (r#"%[1]d %[1]x %[1]o %[1]b %[1]O %[1]X %[1]q %[1]U %[1]c"#, r#"[233]"#, r#"233 e9 351 11101001 0o351 E9 'é' U+00E9 é"#),
    (r#"%#x %#o %#b %+d % d %08d %-8d| %+08d"#, r#"[255, 8, 5, 3, 4, -42, 42, 42]"#, r#"0xff 010 0b101 +3  4 -0000042 42      | +0000042"#),
    (r#"%v %+v %#v %T"#, r#"["a", "b", "c", "d"]"#, r#"a b "c" string"#),
    (r#"%v %+v %#v %T %T"#, r#"[1, 2, 3, 4, 1.5]"#, r#"1 2 3 int float64"#),
    (r#"%t %t"#, r#"["true", 1]"#, r#"%!t(string=true) %!t(int=1)"#),
    (r#"%x %X % x %#x"#, r#"["hi", "hi", "hi", "hi"]"#, r#"6869 6869 68 69 0x6869"#),
    (r#"%q %+q %#q"#, r#"["a\"é\n", "é", "raw"]"#, r#""a\"é\n" "\u00e9" `raw`"#),
    (r#"%v %v %v %v"#, r#"[1.5, 1.000000005e+08, 1e-05, 1.2345678925e+08]"#, r#"1.5 1.000000005e+08 1e-05 1.2345678925e+08"#),
    (r#"%g %.3g %G %e %E %.2e"#, r#"[0.1, 1234.5678, 1e-07, 1.5, 1.50000005e+07, 12345.678]"#, r#"0.1 1.23e+03 1E-07 1.500000e+00 1.500000E+07 1.23e+04"#),
    (r#"%5d|%-5d|%05d|%.3d|%5.3d|%.0d|"#, r#"[42, 42, 42, 7, 7, 0]"#, r#"   42|42   |00042|007|  007||"#),
    (r#"%5d"#, r#"["x"]"#, r#"%!d(string=    x)"#),
    (r#"%z"#, r#"[1]"#, r#"%!z(int=1)"#),
    (r#"%"#, r#"[1]"#, r#"%!(NOVERB)%!(EXTRA int=1)"#),
    (r#"%!"#, r#"[1]"#, r#"%!!(int=1)"#),
    (r#"%d %%"#, r#"[1]"#, r#"1 %"#),
    (r#"%é"#, r#"[1]"#, r#"%!é(int=1)"#),
    (r#"%[x]d"#, r#"[1]"#, r#"%!d(BADINDEX)"#),
    (r#"%[1"#, r#"[1]"#, r#"%!(NOVERB)"#),
    (r#"%["#, r#"[1]"#, r#"%!(NOVERB)"#),
    (r#"%[]d"#, r#"[1]"#, r#"%!d(BADINDEX)"#),
    (r#"%[2]5d"#, r#"[1, 2]"#, r#"%!d(BADINDEX)"#),
    (r#"%d"#, r#"[]"#, r#"%!d(MISSING)"#),
    (r#"%.d|%.f|%.s|"#, r#"[0, 2.5, "abc"]"#, r#"|2||"#),
    (r#"%+v %+v % v"#, r#"[1.5, -2, 3.25]"#, r#"1.5 -2  3.25"#),
    (r#"%s"#, r#"[1]"#, r#"%!s(int=1)"#),
    (r#"%s"#, r#"[1.5]"#, r#"%!s(float64=1.5)"#),
    (r#"%f"#, r#"[3]"#, r#"%!f(int=3)"#),
    (r#"%e"#, r#"["x"]"#, r#"%!e(string=x)"#),
    (r#"%w"#, r#"[1]"#, r#"%!w(int=1)"#),
    (r#"%+q"#, r#"[233]"#, r#"'\u00e9'"#),
    (r#"%c%c"#, r#"[-1, 128512]"#, r#"�😀"#),
    (r#"%p"#, r#"[1]"#, r#"%!p(int=1)"#),
    (r#"%v"#, r#"[2.5e-05]"#, r#"2.5e-05"#),
    (r#"%.10g|%.1g|%010.3g|%-10g|"#, r#"[1.5, 0.00012345, 3.14159, 2.5]"#, r#"1.5|0.0001|0000003.14|2.5       |"#),
    (r#"%+010.2f|%010.2f|"#, r#"[1.5, -1.5]"#, r#"+000001.50|-000001.50|"#),
    (r#"%6.2%"#, r#"[]"#, r#"%"#),
    (r#"%[1]*.[2]*[3]f|"#, r#"[8, 2, 3.14159]"#, r#"    3.14|"#),
    (r#"%-010d|"#, r#"[5]"#, r#"5         |"#),
    (r#"%*d"#, r#"["x", 1]"#, r#"%!(BADWIDTH)1"#),
    (r#"%v %g"#, r#"[123456.5, 1234567.5]"#, r#"123456.5 1.2345675e+06"#),
    (r#"%v %v"#, r#"[99999.5, 0.0001]"#, r#"99999.5 0.0001"#),
];

fn asked(format: &str, arguments: &str) -> Result<String, Refused> {
    let arguments = Value::from_json_str(arguments).unwrap();
    printed(format, arguments.as_array().unwrap().iter())
}

#[test]
fn formats_are_those_of_go() {
    for (format, arguments, expected) in TABLE {
        assert_eq!(asked(format, arguments).as_deref(), Ok(*expected), "{format} of {arguments}");
    }
}

/// OPA hands Go whole numbers, fractions and texts, and writes the rest out itself.
#[test]
fn values_are_those_of_opa() {
    for (format, arguments, expected) in [
        ("%t", "[true]", "%!t(string=true)"),
        ("%v %v", r#"[null, {"b": [1, "x"], "a": {}}]"#, r#"null {"a": {}, "b": [1, "x"]}"#),
        ("%5s|%d", "[true, 1e2]", " true|100"),
        ("%d %T", "[9223372036854775808, 9223372036854775808]", "9223372036854775808 *big.Int"),
        ("%t", "[9223372036854775808]", "%!t(big.Int=9223372036854775808)"),
    ] {
        assert_eq!(asked(format, arguments).as_deref(), Ok(expected), "{format} of {arguments}");
    }
    let set = Value::from_json_str("[1]").unwrap();
    let set = Value::from(std::collections::BTreeSet::from([set]));
    assert_eq!(printed("%v", &[set]).as_deref(), Ok("{[1]}"));
    assert_eq!(printed("%v", &[Value::from(std::collections::BTreeSet::new())]).as_deref(), Ok("set()"));
}

#[test]
fn nothing_is_wider_or_longer_than_a_message() {
    for (format, arguments) in [("%1000d", "[1]"), ("%-1000s", "[1]"), ("%.1000f", "[1.5]"), ("%*d", "[1000, 1]")] {
        assert_eq!(asked(format, arguments), Err(Refused::TooWide), "{format}");
    }
    assert_eq!(asked(&"%999d".repeat(5_000), &format!("[{}1]", "1,".repeat(4_999))), Err(Refused::TooLong));
    let doubled = (0..40).fold(Value::from("x"), |value, _| Value::from(vec![value.clone(), value]));
    assert_eq!(printed("%v", &[doubled]), Err(Refused::TooLong), "a small value can be a long text");
}
