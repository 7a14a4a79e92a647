package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The scan takes for JSON what the parser takes for it, and copies of values are equal to them and have no blanks. */
class JsonScanTest {
    private static final int NESTING = 200;
    private static final int LONGEST = 1000;

    /** Jackson as it comes, with the bounds that bodies have. */
    private static final JsonFactory JACKSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CHARSET_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(NESTING)
                    .maxNumberLength(LONGEST)
                    .maxNameLength(LONGEST)
                    .build())
            .build();

    private static final String PIECES = "{}[]\",:\\/ubfnrt0123456789eE+-.as \n\r\t\u0000\u001f\u007f";

    /** Written anew, but numbers as they are; null when it is no JSON. */
    private static byte[] byJackson(byte[] text) {
        if (!decodes(text, text.length)) {
            return null;
        }
        ByteArrayOutputStream anew = new ByteArrayOutputStream();
        try (JsonParser json = JACKSON.createParser(text);
                JsonGenerator copy = JACKSON.createGenerator(anew)) {
            if (json.nextToken() == null) {
                return null;
            }
            int open = 0;
            for (JsonToken token = json.currentToken(); token != null; token = json.nextToken()) {
                if (token.isNumeric()) {
                    copy.writeRawValue(json.getText());
                } else {
                    copy.copyCurrentEvent(json);
                }
                open += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                if (open == 0) {
                    break;
                }
            }
            if (json.nextToken() != null) {
                return null;
            }
        } catch (IOException e) {
            return null;
        }
        return anew.toByteArray();
    }

    private static byte[] compacted(byte[] text) {
        return Json.read(text, Json::compact);
    }

    /** @return whether it is JSON */
    private static boolean check(byte[] text) {
        byte[] wanted = byJackson(text);
        String shown = new String(text, StandardCharsets.ISO_8859_1);
        assertEquals(wanted != null, Utf8.isValid(text, 0, text.length) && JsonScan.isOne(text, NESTING), shown);
        if (wanted != null) {
            byte[] kept = compacted(text);
            assertArrayEquals(wanted, byJackson(kept), shown);
            // Shorter where what writes JSON escapes characters beyond FFFF.
            assertTrue(kept.length <= wanted.length, shown);
        }
        return wanted != null;
    }

    private static boolean check(String text) {
        return check(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String pick(Random random, String... from) {
        return from[random.nextInt(from.length)];
    }

    private static String blank(Random random) {
        return random.nextInt(4) > 0 ? "" : pick(random, " ", "\n", "\r\n", "\t", "\r", "  \n ");
    }

    private static String string(Random random) {
        StringBuilder text = new StringBuilder("\"");
        for (int left = random.nextInt(12); left > 0; left--) {
            text.append(
                    random.nextInt(4) > 0
                            ? pick(random, "a", "item-", "x y", "}", "[", ",", ":", "0", "'", "/", "\u007f", "abcdefgh")
                            : pick(
                                    random, "\\n", "\\\"", "\\\\", "\\b", "\\t", "\\/", "\\u00e9", "\\u001F", "é", "漢",
                                    "𝄞"));
        }
        return text.append('"').toString();
    }

    private static String number(Random random) {
        return pick(random, "", "-")
                + pick(random, "0", "7", "12345678901234567890123", "10")
                + pick(random, "", ".0", ".125")
                + pick(random, "", "", "e5", "E-03", "e+999999999999");
    }

    private static String document(Random random, int depth) {
        int kind = random.nextInt(depth == 0 ? 3 : 7);
        if (kind < 3) {
            return kind == 0 ? number(random) : kind == 1 ? string(random) : pick(random, "true", "false", "null");
        }
        boolean object = kind < 5;
        StringBuilder text = new StringBuilder(object ? "{" : "[").append(blank(random));
        for (int i = random.nextInt(5); i > 0; i--) {
            if (object) {
                text.append(string(random)).append(blank(random)).append(':').append(blank(random));
            }
            text.append(document(random, depth - 1))
                    .append(blank(random))
                    .append(i > 1 ? "," : "")
                    .append(blank(random));
        }
        return text.append(object ? '}' : ']').toString();
    }

    private static byte[] mutated(Random random, byte[] text) {
        int at = random.nextInt(text.length);
        byte piece =
                (byte) (random.nextInt(8) == 0 ? random.nextInt(256) : PIECES.charAt(random.nextInt(PIECES.length())));
        ByteArrayOutputStream result = new ByteArrayOutputStream();
        result.write(text, 0, at);
        switch (random.nextInt(5)) {
            case 0 -> result.write(text, at + 1, text.length - at - 1);
            case 1 -> {
                result.write(piece);
                result.write(text, at, text.length - at);
            }
            case 2 -> {
                int from = random.nextInt(text.length);
                result.write(text, from, random.nextInt(text.length - from));
                result.write(text, at, text.length - at);
            }
            case 3 -> {
                if (at == 0) {
                    result.write(piece);
                }
            }
            default -> {
                result.write(piece);
                result.write(text, at + 1, text.length - at - 1);
            }
        }
        return result.toByteArray();
    }

    @Test
    void aHundredThousandDocumentsWholeAndBroken() {
        Random random = new Random(8259);
        int taken = 0;
        int broken = 0;
        for (int i = 0; i < 10_000; i++) {
            String document = blank(random) + document(random, 4) + blank(random);
            assertTrue(check(document), document);
            byte[] text = document.getBytes(StandardCharsets.UTF_8);
            for (int times = 0; times < 10 && text.length > 0; times++) {
                text = mutated(random, times % 3 == 0 ? document.getBytes(StandardCharsets.UTF_8) : text);
                if (check(text)) {
                    taken++;
                } else {
                    broken++;
                }
            }
        }
        assertTrue(taken > 5000 && broken > 50_000, taken + " and " + broken);
    }

    /** Every text of up to four of these, in an array and alone. */
    @Test
    void allShortTexts() {
        String pieces = "-01.eE+\"\\u{}[],: n";
        for (int length = 0; length <= 4; length++) {
            for (long n = 0, all = Math.round(Math.pow(pieces.length(), length)); n < all; n++) {
                StringBuilder text = new StringBuilder();
                for (long left = n, i = 0; i < length; i++, left /= pieces.length()) {
                    text.append(pieces.charAt((int) (left % pieces.length())));
                }
                check(text.toString());
            }
        }
    }

    /** A string's end, and what may not be in it, at every place of the eight bytes that are looked at together. */
    @Test
    void everyByteInAString() {
        for (int before = 0; before < 17; before++) {
            for (int b = 0; b < 256; b++) {
                byte[] text = ("\"" + "x".repeat(before) + "_" + "y".repeat(17 - before) + "\"")
                        .getBytes(StandardCharsets.US_ASCII);
                text[before + 1] = (byte) b;
                check(text);
                check(Arrays.copyOf(text, before + 2));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 199, 200, 201, 5000})
    void nestingHasTheSameBound(int depth) {
        for (String pair : new String[] {"[]", "{\"a\":}"}) {
            String open = pair.substring(0, pair.length() - 1).repeat(depth);
            String text = open + "1" + pair.substring(pair.length() - 1).repeat(depth);
            assertEquals(depth <= NESTING, check(text));
            assertEquals(depth < NESTING, check("[" + text + "]"));
            assertFalse(check(open));
        }
    }

    /** One level more is what is around a value that is copied. */
    @Test
    void nestingIsCountedFromTheBodyOn() {
        String deep = "[".repeat(NESTING) + "]".repeat(NESTING);
        assertTrue(Json.isJson(deep.getBytes(StandardCharsets.UTF_8)));
        assertEquals(deep, new String(compacted(deep.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8));
        HttpFailure refused = assertThrows(
                HttpFailure.class,
                () -> Json.read(("[" + deep + "]").getBytes(StandardCharsets.UTF_8), json -> {
                    json.nextToken();
                    return Json.compact(json);
                }));
        assertEquals(HttpFailure.BAD_JSON, refused.errorCode());
    }

    /** What the scan leaves to the parser. */
    @Test
    void longNamesAndNumbersAreJudgedByTheParser() {
        for (String text : new String[] {
            "9".repeat(LONGEST),
            "9".repeat(LONGEST + 1),
            "-" + "9".repeat(LONGEST),
            "0." + "3".repeat(LONGEST - 1),
            "0." + "3".repeat(LONGEST),
            "{\"" + "n".repeat(LONGEST) + "\":1}",
            "{\"" + "n".repeat(LONGEST + 1) + "\":1}",
            "{\"" + "é".repeat(LONGEST) + "\":1}"
        }) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            byte[] wanted = byJackson(utf8);
            assertEquals(wanted != null, Json.isJson(utf8), text);
            assertTrue(wanted != null || !JsonScan.isOne(utf8, NESTING), text);
            if (wanted != null) {
                assertArrayEquals(wanted, compacted(utf8));
            }
        }
    }

    /** RFC 3629: as the decoder has it, wherever the bytes stand. */
    @Test
    void utf8IsWhatCanBeDecoded() {
        int[] others = {'a', 0x7f, 0x80, 0x9f, 0xbf, 0xc0};
        for (int first = 0; first < 256; first++) {
            for (int second = 0; second < 256; second++) {
                for (int third : first < 0xe0 ? new int[] {'a', 0x80} : others) {
                    for (int fourth : first < 0xf0 ? new int[] {'a', 0x80} : others) {
                        byte[] text = {'a', (byte) first, (byte) second, (byte) third, (byte) fourth};
                        for (int length = 2; length <= text.length; length++) {
                            checkUtf8(text, length);
                        }
                    }
                }
            }
        }
        for (int before = 0; before < 17; before++) {
            checkUtf8(("a".repeat(before) + "é" + "b".repeat(17)).getBytes(StandardCharsets.UTF_8), before + 1);
            checkUtf8(("a".repeat(before) + "é" + "b".repeat(17)).getBytes(StandardCharsets.UTF_8), before + 2);
        }
    }

    private static void checkUtf8(byte[] text, int length) {
        if (decodes(text, length) != Utf8.isValid(text, 0, length)) {
            fail(Arrays.toString(Arrays.copyOf(text, length)));
        }
    }

    private static boolean decodes(byte[] text, int length) {
        CharBuffer characters = CharBuffer.allocate(length);
        return !StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(text, 0, length), characters, true)
                .isError();
    }
}
