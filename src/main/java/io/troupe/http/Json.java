package io.troupe.http;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** JSON in UTF-8, read and written as a stream. Nesting, numbers and names have bounds; a body's size has its own. */
final class Json {
    private static final int MOST_NESTING = 200;
    private static final int MOST_DIGITS = 1000;
    private static final int MOST_NAME_CHARS = 1000;
    private static final int MIN_BYTES = 256;
    /** First bytes, by which the parser of bytes would tell UTF-16 and 32. */
    private static final int TELLING_BYTES = 4;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_NESTING)
                    .maxNumberLength(MOST_DIGITS)
                    .maxNameLength(MOST_NAME_CHARS)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    /** Writes something. */
    interface Writer {
        void write(JsonGenerator json) throws IOException;
    }

    /** Reads something; the parser is on its first token. */
    interface Reader<T> {
        T read(JsonParser json) throws IOException;
    }

    private Json() {}

    static byte[] bytes(Writer writer) {
        return bytes(MIN_BYTES, writer);
    }

    /** @param expectedBytes for which there is room from the start */
    static byte[] bytes(int expectedBytes, Writer writer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(expectedBytes);
        try (JsonGenerator json = FACTORY.createGenerator(bytes, JsonEncoding.UTF8)) {
            writer.write(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /**
     * Reads one whole value.
     *
     * @throws HttpFailure 42203 when it is no JSON, with the line and column
     */
    static <T> T read(byte[] text, Reader<T> reader) {
        try (Parser json = parser(text, 0, text.length)) {
            if (json.nextToken() == null) {
                throw new HttpFailure(HttpFailure.BAD_JSON, "The body is empty; JSON was expected.");
            }
            T value = reader.read(json);
            if (json.nextToken() != null) {
                throw new HttpFailure(HttpFailure.BAD_JSON, "Something follows after the end of the JSON value.");
            }
            return value;
        } catch (JsonProcessingException e) {
            throw badJson(e);
        } catch (CharacterCodingException e) {
            throw new HttpFailure(HttpFailure.BAD_JSON, "The body is not UTF-8.");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static HttpFailure badJson(JsonProcessingException e) {
        return new HttpFailure(
                HttpFailure.BAD_JSON,
                "Not JSON: " + HttpFailure.shown(e.getOriginalMessage())
                        + (e.getLocation() == null
                                ? ""
                                : " (line " + e.getLocation().getLineNr() + ", column "
                                        + e.getLocation().getColumnNr() + ")"));
    }

    /**
     * A parser of UTF-8.
     *
     * @throws CharacterCodingException when it is something else
     */
    private static Parser parser(byte[] text, int from, int length) throws IOException {
        if (!isAscii(text, from, length)) {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text, from, length));
        }
        for (int i = 0; i < Math.min(TELLING_BYTES, length); i++) {
            if (text[from + i] <= 0) {
                return new Parser(
                        FACTORY.createParser(new InputStreamReader(
                                new ByteArrayInputStream(text, from, length), StandardCharsets.UTF_8)),
                        null);
            }
        }
        return new Parser(FACTORY.createParser(text, from, length), from == 0 ? text : null);
    }

    private static boolean isAscii(byte[] text, int from, int length) {
        int all = 0;
        for (int i = from; i < from + length; i++) {
            all |= text[i];
        }
        return all >= 0;
    }

    /** A parser that knows what it parses. */
    private static final class Parser extends JsonParserDelegate {
        private final byte[] text;

        /** @param text null when places in it are not known */
        Parser(JsonParser parser, byte[] text) {
            super(parser);
            this.text = text;
        }

        /** The object or array that the parser is on, without blanks; written anew when it has escapes. */
        byte[] copied() throws IOException {
            int from = (int) currentTokenLocation().getByteOffset();
            skipChildren();
            int end = (int) currentLocation().getByteOffset();
            byte[] copy = new byte[end - from];
            int length = 0;
            boolean inString = false;
            for (int i = from; i < end; i++) {
                byte b = text[i];
                if (b == '\\') {
                    return written(text, from, end - from);
                }
                inString ^= b == '"';
                if (inString || b > ' ' || b < 0) {
                    copy[length++] = b;
                }
            }
            return length == copy.length ? copy : Arrays.copyOf(copy, length);
        }

        private static byte[] written(byte[] text, int from, int length) throws IOException {
            try (JsonParser json = FACTORY.createParser(text, from, length)) {
                json.nextToken();
                return written(json);
            }
        }

        private static byte[] written(JsonParser json) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(MIN_BYTES);
            try (JsonGenerator copy = FACTORY.createGenerator(bytes, JsonEncoding.UTF8)) {
                copy.copyCurrentStructureExact(json);
            }
            return bytes.toByteArray();
        }
    }

    /** The value that the parser is on, without blanks, numbers digit for digit. */
    static byte[] compact(JsonParser json) throws IOException {
        if (json instanceof Parser parser
                && parser.text != null
                && json.currentToken().isStructStart()) {
            return parser.copied();
        }
        return Parser.written(json);
    }

    /** Whether this is one JSON value in UTF-8. */
    static boolean isJson(byte[] text) {
        try (JsonParser json = parser(text, 0, text.length)) {
            if (json.nextToken() == null) {
                return false;
            }
            json.skipChildren();
            return json.nextToken() == null;
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether this is text in UTF-8. */
    static boolean isUtf8(byte[] text) {
        if (isAscii(text, 0, text.length)) {
            return true;
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Writes JSON as it is. */
    static void raw(JsonGenerator json, byte[] text) throws IOException {
        json.writeRawValue(new Raw(text));
    }

    /** Goes through an object's fields; the parser is on the value when {@code field} is called, and on its end afterwards. */
    interface Field {
        void read(String name, JsonParser json) throws IOException;
    }

    /** @param what the object is, for the message when it is none */
    static void object(JsonParser json, String what, Field field) throws IOException {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " must be a JSON object.");
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            field.read(name, json);
        }
    }

    /** Goes through an array's values. */
    static void array(JsonParser json, String what, Reader<?> value) throws IOException {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " must be a JSON array.");
        }
        while (json.nextToken() != JsonToken.END_ARRAY) {
            value.read(json);
        }
    }

    /**
     * A string or null. Half a surrogate pair, which JSON can write as an escape, is refused: it has no form in UTF-8, and Kafka's
     * record writer counts another length for it than it then writes.
     */
    static String text(JsonParser json, String what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, what + " must be a string or null.");
        }
        String text = json.getText();
        if (text.chars().anyMatch(c -> Character.isSurrogate((char) c))
                && !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new HttpFailure(HttpFailure.BAD_JSON, what + " has half a surrogate pair, which is no character.");
        }
        return text;
    }

    /** A whole number within bounds; null for null. */
    static Long number(JsonParser json, String what, long least, long most) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        if (json.currentToken() == JsonToken.VALUE_NUMBER_INT
                && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
            long value = json.getLongValue();
            if (value >= least && value <= most) {
                return value;
            }
        }
        throw new HttpFailure(
                HttpFailure.BAD_PAYLOAD, what + " must be a whole number from " + least + " to " + most + ".");
    }
}
