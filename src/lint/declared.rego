package tidegate.PACKAGE

# Judges the rule of a declarative policy.
rule := RULE

fits("*", _) := true

fits(segment, key) if segment == key

pairs := [pair |
	walk(input.document, [path, value])
	count(path) == count(rule.where)
	pair := {"path": path, "value": value}
]

filled_pairs := [pair |
	walk(input.filled, [path, value])
	count(path) == count(rule.where)
	pair := {"path": path, "value": value}
]

# What is written.
places contains place if {
	some place in pairs
	every index, segment in rule.where { fits(segment, place.path[index]) }
}

# What holds, written or not.
values contains place if {
	some place in filled_pairs
	every index, segment in rule.where { fits(segment, place.path[index]) }
}

units := {"s": 1, "m": 60, "h": 3600, "d": 86400, "B": 1, "KiB": 1024, "MiB": 1048576, "GiB": 1073741824}

quantity(value) := value if is_number(value)

quantity(value) := to_number(parts[0][1]) * units[parts[0][2]] if {
	is_string(value)
	parts := regex.find_all_string_submatch_n(`^([0-9]+)(d|h|m|s|GiB|MiB|KiB|B)$`, value, 1)
	count(parts) == 1
}

# A range of shards counts by the end that matters.
bound(value, end) := value[end] if is_object(value)

bound(value, _) := value if not is_object(value)

endless := {"never", "none"}

shown(value) := sprintf("%v to %v", [value.min, value.max]) if is_object(value)

shown(value) := sprintf("%v", [value]) if not is_object(value)

told(place) := sprintf("`%s` is `%s`", [name(place.path), shown(place.value)]) if is_written(place)

told(place) := sprintf("`%s` is `%s` where nothing is said", [name(place.path), shown(place.value)]) if not is_written(place)

is_written(place) if object.get(input.document, place.path, null) != null

name(path) := concat(".", [sprintf("%v", [part]) | some part in path])

# A block without a value is the shortest one: `clicks:` is a stream.
block(place) := {} if place.value == null

block(place) := place.value if place.value != null

own_tags(place) := tags if {
	tags := block(place).tags
	is_object(tags)
}

own_tags(place) := {} if not is_object(object.get(block(place), "tags", null))

found(place, text) := {"msg": text, "path": place.path}

deny contains found(place, sprintf("`%s` has no tag `%s`", [name(place.path), tag])) if {
	some place in places
	some tag in rule["require-tags"]
	tags := object.union(input.tags, own_tags(place))
	object.get(tags, tag, "") == ""
}

deny contains found(place, sprintf("%s, and allowed are: %s", [told(place), concat(", ", [sprintf("%v", [one]) | some one in rule.allowed])])) if {
	some place in values
	rule.allowed
	not place.value in rule.allowed
	not is_allowed_amount(place.value)
}

# `24h` and `1d` are one.
is_allowed_amount(value) if {
	some one in rule.allowed
	is_string(one)
	quantity(one) == quantity(value)
}

deny contains found(place, sprintf("%s, and at least %v is asked for", [told(place), rule.minimum])) if {
	some place in values
	quantity(bound(place.value, "min")) < quantity(rule.minimum)
}

deny contains found(place, sprintf("%s, and at most %v is allowed", [told(place), rule.maximum])) if {
	some place in values
	quantity(bound(place.value, "max")) > quantity(rule.maximum)
}

deny contains found(place, sprintf("%s, and at most %v is allowed", [told(place), rule.maximum])) if {
	some place in values
	is_string(rule.maximum)
	place.value in endless
}

deny contains found(place, sprintf("%s, which does not match %s", [told(place), rule.pattern])) if {
	some place in values
	not regex.match(rule.pattern, shown(place.value))
}

deny contains found(place, sprintf("the name `%s` does not match %s", [last, rule["name-pattern"]])) if {
	some place in places
	last := sprintf("%v", [place.path[count(place.path) - 1]])
	not regex.match(rule["name-pattern"], last)
}

holds(_) if not rule.when

holds(place) if {
	rule.when
	every field, wanted in rule.when { is_met(place, split(field, "."), wanted) }
}

# Of what is not written the default counts; `null` asks for what is not written.
is_met(place, field, wanted) if object.get(object.get(input.filled, place.path, {}), field, null) in one_of(wanted)

is_met(place, field, null) if object.get(block(place), field, null) == null

one_of(wanted) := wanted if is_array(wanted)

one_of(wanted) := [wanted] if not is_array(wanted)

deny contains found({"path": array.concat(place.path, split(rule.required, "."))}, sprintf("`%s` does not say `%s`", [name(place.path), rule.required])) if {
	some place in places
	holds(place)
	object.get(block(place), split(rule.required, "."), null) == null
}

deny contains found({"path": array.concat(place.path, split(rule.forbidden, "."))}, sprintf("`%s` says `%s`, which is forbidden", [name(place.path), rule.forbidden])) if {
	some place in places
	holds(place)
	object.get(block(place), split(rule.forbidden, "."), null) != null
}
