package io.troupe.http;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.IOContext;
import com.fasterxml.jackson.core.json.UTF8StreamJsonParser;
import com.fasterxml.jackson.core.sym.ByteQuadsCanonicalizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** JSON in UTF-8, read and written as a stream. Nesting, numbers and names have bounds; a body's size has its own. */
final class Json {
    private static final int MOST_NESTING = 200;
    private static final int MOST_DIGITS = 1000;
    private static final int MOST_NAME_CHARS = 1000;
    private static final int MIN_BYTES = 256;

    private static final JsonFactory FACTORY = new Factory(new JsonFactoryBuilder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_NESTING)
                    .maxNumberLength(MOST_DIGITS)
                    .maxNameLength(MOST_NAME_CHARS)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build()));

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
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(MIN_BYTES);
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
        try (JsonParser json = parser(text)) {
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
    private static JsonParser parser(byte[] text) throws IOException {
        if (!isUtf8(text)) {
            throw new CharacterCodingException();
        }
        return FACTORY.createParser(text);
    }

    /** Makes parsers that can copy values. */
    private static final class Factory extends JsonFactory {
        private static final long serialVersionUID = 1L;

        Factory(JsonFactoryBuilder settings) {
            super(settings);
        }

        @Override
        protected JsonParser _createParser(byte[] text, int from, int length, IOContext context) {
            return new CopyingParser(
                    context,
                    _parserFeatures,
                    _byteSymbolCanonicalizer.makeChild(_factoryFeatures),
                    text,
                    from,
                    from + length);
        }
    }

    /** A parser that passes over a value's bytes and copies them instead of taking it apart. */
    private static final class CopyingParser extends UTF8StreamJsonParser {
        CopyingParser(IOContext context, int features, ByteQuadsCanonicalizer names, byte[] text, int from, int to) {
            super(context, features, null, null, names, text, from, to, 0, false);
        }

        /**
         * The object, array or string that the parser is on, without blanks.
         *
         * @return null, and the parser is where it was, for another value, one that need not be written as it is, and what is no JSON
         */
        byte[] copied() {
            boolean isString = _currToken == JsonToken.VALUE_STRING && _tokenIncomplete;
            if (!isString && !_currToken.isStructStart()) {
                return null;
            }
            int from = _inputPtr - 1;
            JsonScan scan = new JsonScan(_inputBuffer, _inputEnd);
            // Of an object or array the parser has counted the first.
            int end = scan.value(from, MOST_NESTING + 1 - _parsingContext.getNestingDepth());
            if (end == JsonScan.NONE || scan.hasNeedlessEscapes()) {
                return null;
            }
            byte[] copy = scan.hasBlanks() ? withoutBlanks(from, end) : Arrays.copyOfRange(_inputBuffer, from, end);
            _inputPtr = end;
            if (isString) {
                _tokenIncomplete = false;
            } else {
                _currToken = _currToken == JsonToken.START_ARRAY ? JsonToken.END_ARRAY : JsonToken.END_OBJECT;
                _parsingContext = _parsingContext.getParent();
            }
            return copy;
        }

        private byte[] withoutBlanks(int from, int end) {
            byte[] text = _inputBuffer;
            byte[] copy = new byte[end - from];
            int length = 0;
            boolean inString = false;
            for (int i = from; i < end; i++) {
                byte b = text[i];
                if (inString && b == '\\') {
                    copy[length++] = b;
                    copy[length++] = text[++i];
                    continue;
                }
                inString ^= b == '"';
                if (inString || b > ' ') {
                    copy[length++] = b;
                } else if (b == '\n' || b == '\r' && text[i + 1] != '\n') {
                    _currInputRow++;
                    _currInputRowStart = i + 1;
                }
            }
            return Arrays.copyOf(copy, length);
        }
    }

    /** The value that the parser is on, without blanks, numbers digit for digit. The parser is on its end afterwards; a string's text is gone. */
    static byte[] compact(JsonParser json) throws IOException {
        byte[] copied = json instanceof CopyingParser parser ? parser.copied() : null;
        return copied != null ? copied : written(json);
    }

    private static byte[] written(JsonParser json) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(MIN_BYTES);
        try (JsonGenerator copy = FACTORY.createGenerator(bytes, JsonEncoding.UTF8)) {
            write(json, copy);
            for (int open = json.currentToken().isStructStart() ? 1 : 0; open > 0; ) {
                JsonToken token = json.nextToken();
                open += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                write(json, copy);
            }
        }
        return bytes.toByteArray();
    }

    private static void write(JsonParser json, JsonGenerator copy) throws IOException {
        if (json.currentToken().isNumeric()) {
            copy.writeNumber(json.getText());
        } else {
            copy.copyCurrentEvent(json);
        }
    }

    /** Whether this is one JSON value in UTF-8. */
    static boolean isJson(byte[] text) {
        return JsonScan.isOne(text, MOST_NESTING) || isUtf8(text) && isParsed(text);
    }

    /** As far as the parser goes, which takes some longer names and numbers. */
    private static boolean isParsed(byte[] text) {
        try (JsonParser json = FACTORY.createParser(text)) {
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
        return Utf8.isValid(text, 0, text.length);
    }

    /** Goes through an object's fields; the parser is on the value when {@code field} is called, and on its end afterwards. */
    interface Field {
        void read(String name, JsonParser json) throws IOException;
    }

    /** Names a part of what a body has, made only when it is to be told. */
    record Part(Object of, Object part) {
        @Override
        public String toString() {
            return of.toString() + part;
        }
    }

    /** @param what the object is, for the message when it is none */
    static void object(JsonParser json, Object what, Field field) throws IOException {
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
    static void array(JsonParser json, Object what, Reader<?> value) throws IOException {
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
    static String text(JsonParser json, Object what) throws IOException {
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
    static Long number(JsonParser json, Object what, long least, long most) throws IOException {
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
