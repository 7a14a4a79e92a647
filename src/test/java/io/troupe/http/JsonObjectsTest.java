package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.Test;

/** Objects of a stream, however it comes in pieces. */
class JsonObjectsTest {
    private static final List<String> OBJECTS =
            List.of("{}", "{\"a\":{\"b\":[{}]}}", "{\"a\":\"}\\\"{\\\\\"}", "{\"ü\":\"漢\"}");

    private static List<String> cut(JsonObjects objects, ByteString text, int pieceBytes) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < text.size(); i += pieceBytes) {
            JsonObjects.Cut cut = objects.add(text.slice(i, Math.min(text.size(), i + pieceBytes)));
            assertNull(cut.failure());
            cut.objects().forEach(object -> found.add(object.utf8String()));
        }
        return found;
    }

    @Test
    void eachIsFoundWhateverThePieces() {
        for (String between : List.of("", "\n", " ,\r\n\t")) {
            ByteString text = ByteString.fromString(String.join(between, OBJECTS) + between);
            for (int size = 1; size <= text.size(); size++) {
                JsonObjects objects = new JsonObjects(1000);
                assertEquals(OBJECTS, cut(objects, text, size));
                assertNull(objects.end().failure());
            }
        }
    }

    /** Copying what there is for each piece, some millions of bytes a million times, would take longer than anybody waits. */
    @Test
    void manySmallPiecesOfALargeObjectCostNoMoreThanFewLargeOnes() {
        ByteString text = ByteString.fromString("{\"a\":\"" + "x".repeat(8 << 20) + "\"}");
        assertEquals(1, cut(new JsonObjects(9 << 20), text, 1).size());
    }

    @Test
    void whatStandsBetweenIsCounted() {
        JsonObjects.Cut cut = new JsonObjects(1000).add(ByteString.fromString("[{} ,{}]\n"));
        assertEquals(2, cut.objects().size());
        assertEquals(5, cut.passedOver());
    }

    @Test
    void whatIsBeforeNonsenseCounts() {
        JsonObjects.Cut cut = new JsonObjects(1000).add(ByteString.fromString("{}x{}"));
        assertEquals(1, cut.objects().size());
        assertEquals(HttpFailure.BAD_JSON, cut.failure().errorCode());
        assertTrue(cut.failure().getMessage().contains("'x'"));
    }

    @Test
    void oneHasABoundAndAnEnd() {
        JsonObjects objects = new JsonObjects(10);
        assertNull(objects.add(ByteString.fromString("{\"a\":\"1234")).failure());
        assertTrue(objects.end().failure().getMessage().contains("within an object"));
        assertTrue(
                objects.add(ByteString.fromString("5")).failure().getMessage().contains("more than 10 bytes"));
    }
}
