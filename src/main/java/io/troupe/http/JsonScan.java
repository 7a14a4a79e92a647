package io.troupe.http;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Finds where a JSON value (RFC 8259) ends, and makes nothing of it. What it takes for JSON is JSON; what it does not may still be, for the
 * parser to judge: a number or a name of more than 1000 bytes. What is not UTF-8 is no JSON. For one value, on one thread.
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

    /** @param to exclusive */
    JsonScan(byte[] text, int to) {
        this.text = text;
        this.to = to;
    }

    /** Whether there is one value and nothing else but blanks. */
    static boolean isOne(byte[] text, int mostNesting) {
        JsonScan scan = new JsonScan(text, text.length);
        int end = scan.value(scan.behindBlanks(0), mostNesting);
        return end != NONE && scan.behindBlanks(end) == text.length;
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
     * @param nesting objects and arrays that may be within one another
     * @return behind the value that begins here, or {@link #NONE}
     */
    int value(int at, int nesting) {
        if (at >= to) {
            return NONE;
        }
        return switch (text[at]) {
            case '"' -> string(at + 1);
            case '{' -> nesting == 0 ? NONE : object(at + 1, nesting - 1);
            case '[' -> nesting == 0 ? NONE : array(at + 1, nesting - 1);
            case 't' -> word(at, TRUE);
            case 'f' -> word(at, FALSE);
            case 'n' -> word(at, NULL);
            default -> number(at);
        };
    }

    private int object(int from, int nesting) {
        int at = behindBlanks(from);
        if (is('}', at)) {
            return at + 1;
        }
        while (is('"', at)) {
            int name = at + 1;
            at = string(name);
            if (at == NONE || at - name > MOST_NAME_BYTES) {
                return NONE;
            }
            at = behindBlanks(at);
            if (!is(':', at)) {
                return NONE;
            }
            at = value(behindBlanks(at + 1), nesting);
            if (at == NONE) {
                return NONE;
            }
            at = behindBlanks(at);
            if (!is(',', at)) {
                return is('}', at) ? at + 1 : NONE;
            }
            at = behindBlanks(at + 1);
        }
        return NONE;
    }

    private int array(int from, int nesting) {
        int at = behindBlanks(from);
        if (is(']', at)) {
            return at + 1;
        }
        while (true) {
            at = value(at, nesting);
            if (at == NONE) {
                return NONE;
            }
            at = behindBlanks(at);
            if (!is(',', at)) {
                return is(']', at) ? at + 1 : NONE;
            }
            at = behindBlanks(at + 1);
        }
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
        while (at < to) {
            if (at <= to - Long.BYTES) {
                long marks = marks((long) EIGHT.get(text, at));
                if (marks == 0) {
                    // Not by adding what was found: the next eight bytes would wait for it.
                    at += Long.BYTES;
                    continue;
                }
                at += Long.numberOfTrailingZeros(marks) / Byte.SIZE;
            }
            byte b = text[at];
            if (b == '"') {
                return at + 1;
            }
            if (b == '\\') {
                at = escape(at + 1);
                if (at == NONE) {
                    return NONE;
                }
            } else if (b >= 0 && b < ' ') {
                return NONE;
            } else if (b >= 0) {
                at++;
            } else {
                int bytes = Utf8.length(text, at, to);
                if (bytes == 0) {
                    return NONE;
                }
                at += bytes;
            }
        }
        return NONE;
    }

    /**
     * The high bit of each of eight bytes that is a quote, a backslash, a control character or not ASCII. Subtracting borrows only from bytes
     * above one of these, so the lowest mark is right.
     */
    private static long marks(long eight) {
        return (eight | (eight ^ QUOTES) - ONES | (eight ^ BACKSLASHES) - ONES | eight - BLANKS) & HIGH_BITS;
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
