package io.troupe.http;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Finds where a JSON value (RFC 8259) ends, and makes nothing of it. What it takes for JSON is JSON; what it does not may still be, for the
 * parser to judge: a number or a name of more than 1000 bytes. Whether the text is UTF-8 is left to others, but for {@link #isOne}. For one value, on one thread.
 */
final class JsonScan {
    /** There is no such value here. */
    static final int NONE = -1;

    private static final int MOST_NUMBER_BYTES = 1000;
    private static final int MOST_NAME_BYTES = 1000;
    private static final int HEX_DIGITS = 4;

    private static final byte[] TRUE = "true".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] FALSE = "false".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NULL = "null".getBytes(StandardCharsets.US_ASCII);

    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x80 * ONES;
    private static final long QUOTES = '"' * ONES;
    private static final long BACKSLASHES = '\\' * ONES;
    private static final long BLANKS = ' ' * ONES;

    private final byte[] text;
    private final int to;
    private boolean blanks;
    private boolean escapes;
    /** Bytes of strings, and some that follow, one over the other. */
    private long seen;

    /** @param to exclusive */
    JsonScan(byte[] text, int to) {
        this.text = text;
        this.to = to;
    }

    /** Whether there is one value and nothing else but blanks, all in UTF-8. */
    static boolean isOne(byte[] text, int mostNesting) {
        JsonScan scan = new JsonScan(text, text.length);
        int end = scan.value(scan.behindBlanks(0), mostNesting);
        return end != NONE
                && scan.behindBlanks(end) == text.length
                && ((scan.seen & HIGH_BITS) == 0 || Utf8.isValid(text, 0, text.length));
    }

    /** Whether there were blanks between what the value consists of. */
    boolean hasBlanks() {
        return blanks;
    }

    /** Whether there were escapes that need not be: all but {@code \" \\ \b \f \n \r \t}. */
    boolean hasNeedlessEscapes() {
        return escapes;
    }

    /**
     * One loop for all levels: calls for each value cost more than what is looked at.
     *
     * @param nesting objects and arrays that may be within one another
     * @return behind the value that begins here, or {@link #NONE}
     */
    int value(int from, int nesting) {
        // Of those that are open, from the outermost on, whether they are objects.
        boolean[] objects = null;
        int depth = 0;
        int at = from;
        while (at != NONE && at < to) {
            byte first = text[at];
            if (first == '{' || first == '[') {
                if (depth == nesting) {
                    return NONE;
                }
                objects = objects == null ? new boolean[nesting] : objects;
                objects[depth++] = first == '{';
                at = behindBlanks(at + 1);
                if (!is(first == '{' ? '}' : ']', at)) {
                    at = first == '{' ? behindName(at) : at;
                    continue;
                }
                depth--;
                at++;
            } else {
                at = first == '"' ? string(at + 1) : word(at, first);
            }
            if (depth > 0 && at != NONE) {
                at = behindBlanks(at);
                while (depth > 0 && is(objects[depth - 1] ? '}' : ']', at)) {
                    depth--;
                    at = depth == 0 ? at + 1 : behindBlanks(at + 1);
                }
            }
            if (depth == 0 || at == NONE) {
                return at;
            }
            if (!is(',', at)) {
                return NONE;
            }
            at = behindBlanks(at + 1);
            at = objects[depth - 1] ? behindName(at) : at;
        }
        return NONE;
    }

    /** Behind a name, the colon and blanks, or {@link #NONE}. */
    private int behindName(int from) {
        if (!is('"', from)) {
            return NONE;
        }
        int at = string(from + 1);
        if (at == NONE || at - from > MOST_NAME_BYTES + 1) {
            return NONE;
        }
        at = behindBlanks(at);
        return is(':', at) ? behindBlanks(at + 1) : NONE;
    }

    private int word(int at, byte first) {
        return switch (first) {
            case 't' -> word(at, TRUE);
            case 'f' -> word(at, FALSE);
            case 'n' -> word(at, NULL);
            default -> number(at);
        };
    }

    private boolean is(char wanted, int at) {
        return at < to && text[at] == wanted;
    }

    private int behindBlanks(int from) {
        int at = from;
        while (at < to && text[at] <= ' ') {
            byte b = text[at];
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                break;
            }
            blanks = true;
            at++;
        }
        return at;
    }

    /** @param from behind the first quote */
    private int string(int from) {
        int at = from;
        int end = NONE;
        long all = 0;
        while (at < to) {
            if (at <= to - Long.BYTES) {
                long eight = (long) EIGHT.get(text, at);
                all |= eight;
                int plain = plainBytes(eight);
                at += plain;
                if (plain == Long.BYTES) {
                    continue;
                }
            }
            byte b = text[at];
            if (b == '"') {
                end = at + 1;
                break;
            }
            if (b == '\\') {
                at = escape(at + 1);
                if (at == NONE) {
                    break;
                }
            } else if (b >= 0 && b < ' ') {
                break;
            } else {
                all |= b;
                at++;
            }
        }
        seen |= all;
        return end;
    }

    /**
     * How many of eight bytes, the lowest first, come before a quote, a backslash or a control character. Subtracting borrows only from bytes
     * above one of these, so the lowest mark is right.
     */
    private static int plainBytes(long eight) {
        long quotes = eight ^ QUOTES;
        long backslashes = eight ^ BACKSLASHES;
        long marks = ((quotes - ONES & ~quotes) | (backslashes - ONES & ~backslashes) | (eight - BLANKS & ~eight))
                & HIGH_BITS;
        return Long.numberOfTrailingZeros(marks) / Byte.SIZE;
    }

    /** @param at behind the backslash */
    private int escape(int at) {
        if (at >= to) {
            return NONE;
        }
        switch (text[at]) {
            case '"', '\\', 'b', 'f', 'n', 'r', 't':
                return at + 1;
            case '/':
                escapes = true;
                return at + 1;
            case 'u':
                escapes = true;
                return areHex(at + 1) ? at + 1 + HEX_DIGITS : NONE;
            default:
                return NONE;
        }
    }

    private boolean areHex(int from) {
        if (from > to - HEX_DIGITS) {
            return false;
        }
        for (int i = from; i < from + HEX_DIGITS; i++) {
            if (text[i] < 0 || Character.digit(text[i], 16) < 0) {
                return false;
            }
        }
        return true;
    }

    private int word(int from, byte[] word) {
        if (from > to - word.length) {
            return NONE;
        }
        for (int i = 0; i < word.length; i++) {
            if (text[from + i] != word[i]) {
                return NONE;
            }
        }
        return from + word.length;
    }

    private int number(int from) {
        int first = is('-', from) ? from + 1 : from;
        int at = is('0', first) ? first + 1 : digits(first);
        if (is('.', at)) {
            at = digits(at + 1);
        }
        if (is('e', at) || is('E', at)) {
            boolean signed = is('+', at + 1) || is('-', at + 1);
            at = digits(signed ? at + 2 : at + 1);
        }
        return at - from > MOST_NUMBER_BYTES ? NONE : at;
    }

    /** Behind one or more digits; when there is none, so far away that it makes the number too long. */
    private int digits(int from) {
        int at = from;
        while (at < to && text[at] >= '0' && text[at] <= '9') {
            at++;
        }
        return at == from ? Integer.MAX_VALUE : at;
    }
}
