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

places contains place if {
	some place in pairs
	every index, segment in rule.where { fits(segment, place.path[index]) }
}

units := {"s": 1, "m": 60, "h": 3600, "d": 86400, "B": 1, "KiB": 1024, "MiB": 1048576, "GiB": 1073741824}

quantity(value) := value if is_number(value)

quantity(value) := to_number(parts[0][1]) * units[parts[0][2]] if {
	is_string(value)
	parts := regex.find_all_string_submatch_n(`^([0-9]+)(d|h|m|s|GiB|MiB|KiB|B)$`, value, 1)
	count(parts) == 1
}

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

deny contains found(place, sprintf("`%s` is `%v`, and allowed are: %s", [name(place.path), place.value, concat(", ", [sprintf("%v", [one]) | some one in rule.allowed])])) if {
	some place in places
	rule.allowed
	not place.value in rule.allowed
}

deny contains found(place, sprintf("`%s` is `%v`, and at least %v is asked for", [name(place.path), place.value, rule.minimum])) if {
	some place in places
	quantity(place.value) < quantity(rule.minimum)
}

deny contains found(place, sprintf("`%s` is `%v`, and at most %v is allowed", [name(place.path), place.value, rule.maximum])) if {
	some place in places
	quantity(place.value) > quantity(rule.maximum)
}

deny contains found(place, sprintf("`%s` does not match %s", [name(place.path), rule.pattern])) if {
	some place in places
	not regex.match(rule.pattern, sprintf("%v", [place.value]))
}

deny contains found(place, sprintf("the name `%s` does not match %s", [last, rule["name-pattern"]])) if {
	some place in places
	last := sprintf("%v", [place.path[count(place.path) - 1]])
	not regex.match(rule["name-pattern"], last)
}

holds(_) if not rule.when

holds(said) if {
	rule.when
	every field, wanted in rule.when { object.get(said, split(field, "."), null) == wanted }
}

deny contains found({"path": array.concat(place.path, split(rule.required, "."))}, sprintf("`%s` does not say `%s`", [name(place.path), rule.required])) if {
	some place in places
	holds(block(place))
	object.get(block(place), split(rule.required, "."), null) == null
}

deny contains found({"path": array.concat(place.path, split(rule.forbidden, "."))}, sprintf("`%s` says `%s`, which is forbidden", [name(place.path), rule.forbidden])) if {
	some place in places
	holds(block(place))
	object.get(block(place), split(rule.forbidden, "."), null) != null
}
