package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.record.PlainRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;

/** How the bytes of keys and values stand in JSON. */
enum RecordFormat {
    /** Any JSON value; stored without blanks. */
    JSON,
    /** A string in Base64. */
    BINARY,
    /** A string, stored in UTF-8. */
    TEXT;

    String contentType() {
        return "application/vnd.kafka." + name().toLowerCase(Locale.ROOT) + ".v2+json";
    }

    static Optional<RecordFormat> named(String name) {
        for (RecordFormat format : values()) {
            if (format.name().equalsIgnoreCase(name)) {
                return Optional.of(format);
            }
        }
        return Optional.empty();
    }

    /** The value that the parser is on, as bytes; null for null. */
    byte[] read(JsonParser json, String what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        if (this == JSON) {
            return Json.compact(json);
        }
        String text = Json.text(json, what);
        return this == TEXT ? text.getBytes(StandardCharsets.UTF_8) : base64(text, what);
    }

    static byte[] base64(String text, String what) {
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new HttpFailure(HttpFailure.BAD_JSON, what + " is not Base64: " + e.getMessage());
        }
    }

    /**
     * Whether a record's key and value can be written so.
     *
     * @return why not
     */
    Optional<HttpFailure> refuses(PlainRecord record) {
        if (fits(record.key()) && fits(record.value())) {
            return Optional.empty();
        }
        return Optional.of(new HttpFailure(
                HttpFailure.FORMAT_MISMATCH,
                "The record at offset " + record.offset() + " is not " + (this == JSON ? "JSON" : "text in UTF-8")
                        + "; the binary format can show it."));
    }

    private boolean fits(byte[] bytes) {
        return bytes == null || this == BINARY || (this == TEXT ? Json.isUtf8(bytes) : Json.isJson(bytes));
    }

    /** @param bytes that fit, or null */
    void write(JsonGenerator json, byte[] bytes) throws IOException {
        if (bytes == null) {
            json.writeNull();
        } else if (this == JSON) {
            Json.raw(json, bytes);
        } else if (this == TEXT) {
            json.writeUTF8String(bytes, 0, bytes.length);
        } else {
            json.writeBinary(bytes);
        }
    }

    /** A record as consumers get it: {@code {topic,key,value,partition,offset,timestamp,headers}}. */
    void write(JsonGenerator json, String topic, int partition, PlainRecord record) throws IOException {
        json.writeStartObject();
        json.writeStringField("topic", topic);
        json.writeFieldName("key");
        write(json, record.key());
        json.writeFieldName("value");
        write(json, record.value());
        json.writeNumberField("partition", partition);
        json.writeNumberField("offset", record.offset());
        json.writeNumberField("timestamp", record.timestampMs());
        json.writeArrayFieldStart("headers");
        for (PlainRecord.Header header : record.headers()) {
            json.writeStartObject();
            json.writeStringField("name", header.name());
            json.writeFieldName("value");
            BINARY.write(json, header.value());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
