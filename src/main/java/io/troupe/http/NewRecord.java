package io.troupe.http;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.record.PlainRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A record that a client wants to be written: {@code {key,value,partition,headers,timestamp}}, all of them optional. Headers are
 * {@code [{name,value}]}, values in Base64 whatever the format.
 *
 * @param partition null when it follows from the key
 */
record NewRecord(Integer partition, PlainRecord record) {
    static final int MOST_RECORDS = 100_000;
    /** What one takes beside its text until it is answered, about: the objects that it becomes, and what is said of it. */
    static final int RECORD_BYTES = 300;

    private static final int MOST_HEADERS = 1000;

    /** Fields of a request that speak of schemas, which there are none of; null is tolerated. */
    private static final Set<String> SCHEMAS = Set.of("key_schema", "key_schema_id", "value_schema", "value_schema_id");

    /** The body of a produce request: {@code {"records":[...]}}. */
    static List<NewRecord> list(byte[] body, RecordFormat format, long nowMs) {
        return Json.read(body, json -> {
            List<NewRecord> records = new ArrayList<>();
            Json.object(json, "The body", (name, value) -> {
                if (name.equals("records")) {
                    Json.array(value, "records", record -> {
                        if (records.size() == MOST_RECORDS) {
                            throw new HttpFailure(
                                    HttpFailure.BAD_BATCH, "More than " + MOST_RECORDS + " records in one request.");
                        }
                        int index = records.size();
                        return records.add(
                                read(record, format, nowMs, new Json.Part("records[", new Json.Part(index, "]"))));
                    });
                } else if (!SCHEMAS.contains(name) || value.currentToken() != JsonToken.VALUE_NULL) {
                    throw new HttpFailure(
                            SCHEMAS.contains(name) ? 42201 : HttpFailure.BAD_PAYLOAD,
                            SCHEMAS.contains(name)
                                    ? name + " was given, but there is no schema registry."
                                    : "The body has the field " + HttpFailure.shown(name) + "; only records is known.");
                }
            });
            if (records.isEmpty()) {
                throw new HttpFailure(HttpFailure.BAD_BATCH, "The body has no records.");
            }
            return records;
        });
    }

    /** One record of a stream. */
    static NewRecord one(byte[] text, RecordFormat format, long nowMs) {
        return Json.read(text, json -> read(json, format, nowMs, "The record"));
    }

    private static NewRecord read(JsonParser json, RecordFormat format, long nowMs, Object what) throws IOException {
        Draft draft = new Draft();
        draft.timestampMs = nowMs;
        Json.object(json, what, (name, value) -> {
            switch (name) {
                case "key" -> draft.key = format.read(value, new Json.Part(what, ".key"));
                case "value" -> draft.value = format.read(value, new Json.Part(what, ".value"));
                case "partition" -> {
                    Long partition = Json.number(value, what + ".partition", 0, Integer.MAX_VALUE);
                    draft.partition = partition == null ? null : partition.intValue();
                }
                case "timestamp" -> {
                    Long timestamp = Json.number(value, what + ".timestamp", 0, Long.MAX_VALUE);
                    draft.timestampMs = timestamp == null ? nowMs : timestamp;
                }
                case "headers" -> draft.headers = headers(value, new Json.Part(what, ".headers"));
                default ->
                    throw new HttpFailure(
                            HttpFailure.BAD_PAYLOAD,
                            what + " has the field " + HttpFailure.shown(name)
                                    + "; known are key, value, partition, headers and timestamp.");
            }
        });
        return draft.record();
    }

    static List<PlainRecord.Header> headers(JsonParser json, Object what) throws IOException {
        List<PlainRecord.Header> headers = new ArrayList<>();
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return headers;
        }
        Json.array(json, what, header -> {
            String[] read = new String[2];
            Json.object(header, what + "[" + headers.size() + "]", (name, value) -> {
                switch (name) {
                    case "name" -> read[0] = Json.text(value, what + ".name");
                    case "value" -> read[1] = Json.text(value, what + ".value");
                    default ->
                        throw new HttpFailure(
                                HttpFailure.BAD_PAYLOAD, what + " are objects of name and value (in Base64).");
                }
            });
            if (read[0] == null || headers.size() == MOST_HEADERS) {
                throw new HttpFailure(
                        HttpFailure.BAD_PAYLOAD,
                        read[0] == null ? what + " need a name each." : what + ": more than " + MOST_HEADERS + ".");
            }
            return headers.add(new PlainRecord.Header(
                    read[0], read[1] == null ? null : RecordFormat.base64(read[1], what + ".value")));
        });
        return headers;
    }

    /** While it is being read. */
    static final class Draft {
        Integer partition;
        long timestampMs;
        byte[] key;
        byte[] value;
        List<PlainRecord.Header> headers = List.of();

        NewRecord record() {
            return new NewRecord(partition, new PlainRecord(-1, timestampMs, key, value, headers));
        }
    }
}
