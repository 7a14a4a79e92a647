package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON that is cut out of JSON and put into it. */
class JsonTest {
    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The values of an array. */
    private static List<String> values(String array) {
        return Json.read(utf8(array), json -> {
            List<String> values = new ArrayList<>();
            Json.array(json, "it", value -> values.add(new String(Json.compact(value), StandardCharsets.UTF_8)));
            return values;
        });
    }

    /** As what writes JSON would have it, whether it is copied or, for its escapes, written anew. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{'a' : [1.10, 2e5,\t-0], 'b': { } } | {'a':[1.10,2e5,-0],'b':{}}",
                "[ ] | []",
                "{'a b' : ' c ', 'd': 'e f'} | {'a b':' c ','d':'e f'}",
                "{'grün': 'é 𝄞', 'x' : 1} | {'grün':'é 𝄞','x':1}",
                "{'a': '\\' b', 'c' : '\\u00e9\\/'} | {'a':'\\' b','c':'é/'}",
                "12345678901234567890123 | 12345678901234567890123",
                "'a \\u0041' | 'a A'"
            })
    void valuesAreWithoutBlanksWhereverTheyStand(String sent, String kept) {
        String value = sent.replace('\'', '"');
        String wanted = kept.replace('\'', '"');
        assertEquals(List.of(wanted), values("[" + value + "]"));
        assertEquals(List.of("1", wanted, wanted, "true"), values(" [1, " + value + "\n ," + value + " , true ]"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[{'a':01}]", "[{'a':tru}]", "[{'a':'\n'}]", "[{'a':'\\x'}]", "[{'a'}]", "[[1,]]", "[{]}"})
    void whatIsCopiedIsJson(String text) {
        HttpFailure refused = assertThrows(HttpFailure.class, () -> values(text.replace('\'', '"')));
        assertEquals(HttpFailure.BAD_JSON, refused.errorCode());
    }

    /** A value that was copied counts its lines. */
    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n", "\r"})
    void whatIsWrongBehindACopyIsFoundThere(String line) {
        String text = "[{\"a\":" + line + "1" + line + "}," + line + " [1, 2], x]";
        HttpFailure refused = assertThrows(HttpFailure.class, () -> values(text));
        assertTrue(refused.getMessage().contains("(line 4, column 10)"), refused.getMessage());
    }

    /** A number is not made into another one on the way, whether it is copied or, for an escape beside it, written anew. */
    @Test
    void numbersAreKeptDigitForDigit() {
        for (String escape : List.of("a", "\\/", "\\u00e9")) {
            String kept = escape.equals("a") ? "a" : escape.equals("\\/") ? "/" : "é";
            assertEquals(
                    List.of("[\"" + kept + "\",-0,-0.0e5,1.50,1e999999999999]"),
                    values("[[\"" + escape + "\", -0, -0.0e5, 1.50, 1e999999999999]]"));
        }
    }

    @Test
    void bytesThatOnlyLookLikeUtf8AreNone() {
        // A slash in two bytes, half a surrogate pair, and a letter of Latin-1.
        for (byte[] bytes : List.of(
                new byte[] {'"', (byte) 0xc0, (byte) 0xaf, '"'},
                new byte[] {'"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'},
                new byte[] {'"', (byte) 0xe9, '"'})) {
            assertFalse(Json.isUtf8(bytes));
            assertFalse(Json.isJson(bytes));
        }
        assertTrue(Json.isUtf8(utf8("é")) && Json.isJson(utf8("\"é\"")));
        for (byte[] other : List.of(
                "[1]".getBytes(StandardCharsets.UTF_16LE),
                "[1]".getBytes(StandardCharsets.UTF_16BE),
                utf8("\ufeff[1]"))) {
            assertFalse(Json.isJson(other));
        }
    }
}
