package io.troupe.http;

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

    private final String contentType = "application/vnd.kafka." + name().toLowerCase(Locale.ROOT) + ".v2+json";

    String contentType() {
        return contentType;
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
    byte[] read(JsonParser json, Object what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        if (this == JSON) {
            return Json.compact(json);
        }
        String text = Json.text(json, what);
        return this == TEXT ? text.getBytes(StandardCharsets.UTF_8) : base64(text, what);
    }

    static byte[] base64(String text, Object what) {
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
}
