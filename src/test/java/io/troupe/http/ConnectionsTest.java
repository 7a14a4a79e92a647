package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which connections go when there are too many, and when their time is up. */
class ConnectionsTest {
    private final List<String> closed = new ArrayList<>();
    private final Connections connections = new Connections(2);

    private Connections.Connection open(String name) {
        return connections.opened(() -> closed.add(name), 0);
    }

    @Test
    void forOneTooManyTheIdlestGoes() {
        Connections.Connection a = open("a");
        open("b");
        connections.begun(a);
        connections.done(a, 1);
        open("c");
        assertEquals(List.of("b"), closed);
        open("d");
        assertEquals(List.of("b", "a"), closed);
        assertEquals(2, connections.open());
    }

    @Test
    void oneThatIsBusyStays() {
        connections.begun(open("a"));
        Connections.Connection b = open("b");
        connections.begun(b);
        connections.begun(b);
        connections.done(b, 1);
        open("c");
        // Of those that are not busy there is only the newest.
        assertEquals(List.of("c"), closed);
        connections.done(b, 1);
        open("d");
        assertEquals(List.of("c", "b"), closed);
    }

    @Test
    void oneThatAClientClosedMakesRoom() {
        Connections.Connection a = open("a");
        open("b");
        connections.closed(a);
        connections.closed(a);
        open("c");
        assertEquals(List.of(), closed);
        assertEquals(2, connections.open());
    }

    @Test
    void aRequestThatCameBeforeTheEndKeepsItsConnection() {
        Connections.Connection a = open("a");
        open("b");
        open("c");
        assertEquals(List.of("a"), closed);
        connections.begun(a);
        assertEquals(3, connections.open());
        connections.closed(a);
        assertEquals(2, connections.open());
    }

    @Test
    void theFirstRequestHasLessTimeThanTheNext() {
        open("slow");
        Connections.Connection a = open("a");
        connections.begun(a);
        connections.sweep(Connections.FIRST_REQUEST_NANOS - 1);
        assertEquals(List.of(), closed);
        connections.sweep(Connections.FIRST_REQUEST_NANOS);
        assertEquals(List.of("slow"), closed);
        connections.done(a, Connections.FIRST_REQUEST_NANOS);
        connections.sweep(Connections.FIRST_REQUEST_NANOS + Connections.NEXT_REQUEST_NANOS - 1);
        assertEquals(List.of("slow"), closed);
        connections.sweep(Connections.FIRST_REQUEST_NANOS + Connections.NEXT_REQUEST_NANOS);
        assertEquals(List.of("slow", "a"), closed);
        assertEquals(0, connections.open());
    }
}
