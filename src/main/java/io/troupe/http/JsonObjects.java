package io.troupe.http;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.util.ByteString;

/**
 * Cuts a stream of JSON objects, with blanks, commas or brackets of an array between them, into its objects. Looks at each byte once, however
 * small the pieces are in which they come. Of one stream; one thread at a time.
 */
final class JsonObjects {
    private static final String BETWEEN = " \t\r\n,[]";

    private final int mostBytes;
    private ByteArrayOutputStream begun = new ByteArrayOutputStream();
    private int depth;
    private boolean inString;
    private boolean escaped;

    /** @param mostBytes of one object */
    JsonObjects(int mostBytes) {
        this.mostBytes = mostBytes;
    }

    /**
     * What ends with a piece of the stream.
     *
     * @param passedOver bytes of the piece that are between objects
     * @param failure why nothing can follow, or null: 42203 when an object is too long, or something else stands between them
     */
    record Cut(List<ByteString> objects, int passedOver, HttpFailure failure) {}

    Cut add(ByteString piece) {
        List<ByteString> objects = new ArrayList<>();
        int[] passedOver = new int[1];
        try {
            cut(piece.toArray(), objects, passedOver);
        } catch (HttpFailure e) {
            return new Cut(objects, passedOver[0], e);
        }
        return new Cut(objects, passedOver[0], null);
    }

    private void cut(byte[] bytes, List<ByteString> objects, int[] passedOver) {
        int from = 0;
        for (int i = 0; i < bytes.length; i++) {
            byte b = bytes[i];
            if (depth == 0 && b != '{') {
                between(b);
                passedOver[0]++;
                from = i + 1;
            } else if (ends(b)) {
                keep(bytes, from, i + 1);
                objects.add(ByteString.fromArrayUnsafe(begun.toByteArray()));
                begun = new ByteArrayOutputStream();
                from = i + 1;
            }
        }
        keep(bytes, from, bytes.length);
    }

    private static void between(byte b) {
        if (BETWEEN.indexOf(b) < 0) {
            throw new HttpFailure(
                    HttpFailure.BAD_JSON,
                    "The stream ends here: " + HttpFailure.shown("'" + (char) (b & 0xff) + "'")
                            + " stands where an object should begin.");
        }
    }

    /** Whether an object ends with this byte of it. */
    private boolean ends(byte b) {
        if (escaped) {
            escaped = false;
        } else if (inString) {
            escaped = b == '\\';
            inString = b != '"';
        } else if (b == '"') {
            inString = true;
        } else if (b == '{') {
            depth++;
        } else if (b == '}') {
            depth--;
            return depth == 0;
        }
        return false;
    }

    private void keep(byte[] bytes, int from, int to) {
        if (begun.size() + (to - from) > mostBytes) {
            throw new HttpFailure(
                    HttpFailure.BAD_JSON,
                    "The stream ends here: a record has more than " + mostBytes
                            + " bytes (troupe.http.request.max.bytes).");
        }
        begun.write(bytes, from, to - from);
    }

    /** The stream has ended. */
    Cut end() {
        return new Cut(
                List.of(),
                0,
                depth == 0 ? null : new HttpFailure(HttpFailure.BAD_JSON, "The stream ends within an object."));
    }
}
