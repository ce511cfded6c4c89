//! The functions that policies may call without defining them. A call of another one is refused when the policy is loaded,
//! as in OPA, and not when a file comes along for which it is made.

/// What the engine has, or we in its place; in the order of their names.
pub const BUILT_IN: &[&str] = &[
    "abs",
    "all",
    "any",
    "array.concat",
    "array.reverse",
    "array.slice",
    "base64.decode",
    "base64.encode",
    "base64.is_valid",
    "base64url.decode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "bits.and",
    "bits.lsh",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "glob.match",
    "glob.quote_meta",
    "graph.reachable",
    "graph.reachable_paths",
    "hex.decode",
    "hex.encode",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
    "json.remove",
    "json.unmarshal",
    "lower",
    "max",
    "min",
    "net.cidr_contains",
    "net.cidr_expand",
    "net.cidr_is_valid",
    "numbers.range",
    "numbers.range_step",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
    "print",
    "product",
    "re_match",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.replace_n",
    "strings.reverse",
    "substring",
    "sum",
    "time.parse_duration_ns",
    "to_number",
    "trace",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units.parse",
    "units.parse_bytes",
    "upper",
    "walk",
];

/// What OPA has besides: functions that ask the world, the clock or chance, and others that are not here. A name that ends
/// with a dot means all below it.
pub const MISSING: &[&str] = &[
    "cast_array",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "cast_set",
    "cast_string",
    "crypto.",
    "graphql.",
    "http.send",
    "io.jwt.",
    "json.match_schema",
    "json.patch",
    "json.verify_schema",
    "net.cidr_contains_matches",
    "net.cidr_intersects",
    "net.cidr_merge",
    "net.cidr_overlap",
    "net.lookup_ip_addr",
    "opa.runtime",
    "providers.aws.",
    "rand.intn",
    "regex.globs_match",
    "rego.",
    "set_diff",
    "strings.render_template",
    "time.",
    "urlquery.",
    "uuid.",
    "yaml.",
];

/// conftest's own: tests of policies call them, and no policy that judges does.
const OF_CONFTEST: &[&str] = &["parse_config", "parse_config_file", "parse_combined_config_files"];

/// Whether a call of this name leads somewhere.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.binary_search(&name).is_ok() || name == "rand.intn" || OF_CONFTEST.contains(&name)
}

/// What to tell of a call that leads nowhere; `defined`: the names of functions that could have been meant.
pub fn told<'a>(name: &str, defined: impl Iterator<Item = &'a str>) -> String {
    if MISSING.iter().any(|one| *one == name || (one.ends_with('.') && name.starts_with(one))) {
        return format!(
            "`{name}` is a function of OPA that there is not here: policies ask no clock, no chance and no network, and \
             some others are left out (docs/policies.md lists those that there are)"
        );
    }
    let near = defined.chain(BUILT_IN.iter().copied()).map(|one| (strsim::jaro_winkler(one, name), one));
    let near = near.filter(|(near, _)| *near > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let near = near.map(|(_, near)| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("nothing defines the function `{name}`{near}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::bounded;

    #[test]
    fn the_list_is_what_the_engine_has() {
        assert!(BUILT_IN.is_sorted(), "it is searched by halves");
        let mut engine = regorus::Engine::new();
        bounded::add_to(&mut engine).unwrap();
        let mut is_there = |name: &str| {
            let asked = engine.eval_query(format!("{name}(1, 2, 3, 4, 5, 6)"), false);
            !asked.is_err_and(|error| error.to_string().contains("could not find function"))
        };
        let lacking: Vec<&&str> = BUILT_IN.iter().filter(|name| !is_there(name)).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
        let there: Vec<&&str> =
            MISSING.iter().filter(|name| !name.ends_with('.') && **name != "rand.intn" && is_there(name)).collect();
        assert!(there.is_empty(), "{there:?}");
    }

    #[test]
    fn calls_that_lead_nowhere_are_told_with_the_nearest() {
        let mine = ["helper"];
        assert_eq!(told("helpr", mine.into_iter()), "nothing defines the function `helpr`; did you mean `helper`?");
        assert_eq!(
            told("strtswith", mine.into_iter()),
            "nothing defines the function `strtswith`; did you mean `startswith`?"
        );
        assert_eq!(told("zz", mine.into_iter()), "nothing defines the function `zz`");
        for name in ["crypto.sha256", "http.send", "time.now_ns"] {
            assert!(told(name, mine.into_iter()).contains("is a function of OPA that there is not here"), "{name}");
        }
    }
}
