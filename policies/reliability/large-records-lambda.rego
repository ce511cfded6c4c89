# METADATA
# title: A stream allows records that its Lambda readers cannot take
# severity: warning
# why: >-
#   A batch for Lambda has at most 6 MiB. Larger records are dropped, or go to the failure destination if there is
#   one.
# fix: >-
#   Limit `maxRecordSize` to 6MiB, or let something else read the large records.
# links:
#   - https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
package tidegate.large_records_lambda

deny contains finding if {
	some stream in input.streams
	stream.max_record_kib > input.limits.lambda_payload_kib
	some reader in stream.readers
	reader.kind == "role"
	input.access[reader.name].trust.service == "lambda.amazonaws.com"
	finding := {
		"msg": sprintf("stream `%s` takes records of %d MiB, and `%s` reads them with Lambda, which takes 6 MiB", [stream.name, round(stream.max_record_kib / 1024), reader.name]),
		"key": reader.name,
		"path": array.concat(stream.path, ["maxRecordSize"]),
		"also": [{"path": reader.path, "label": "reads with Lambda"}],
	}
}
