package io.troupe.it;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A headless Chromium with one page, driven by the Chrome DevTools Protocol. It reaches nothing but this machine. */
final class Chromium implements AutoCloseable {
    private static final int PATIENCE_S = 120;
    private static final String LISTENING = "DevTools listening on ";
    private static final JsonFactory JSON = new JsonFactory();

    private final Process process;
    private final Path profile;
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<Map<String, Object>>> answers = new ConcurrentHashMap<>();
    private final String session;

    /** Messages of errors that the page threw or logged. */
    final List<String> errors = new CopyOnWriteArrayList<>();
    /** Addresses that the page asked for. */
    final List<String> requests = new CopyOnWriteArrayList<>();

    Chromium(Path program) throws Exception {
        profile = Files.createTempDirectory("chromium");
        ProcessBuilder builder = new ProcessBuilder(
                program.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--no-default-browser-check",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank");
        process = Children.start(builder.redirectErrorStream(true));
        socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(URI.create(address()), new Listener())
                .get(PATIENCE_S, TimeUnit.SECONDS);
        String target = (String)
                call(null, "Target.createTarget", Map.of("url", "about:blank")).get("targetId");
        session = (String) call(null, "Target.attachToTarget", Map.of("targetId", target, "flatten", true))
                .get("sessionId");
        for (String domain : List.of("Page", "Runtime", "Network", "Log")) {
            call(domain + ".enable", Map.of());
        }
        call("Emulation.setFocusEmulationEnabled", Map.of("enabled", true));
    }

    private String address() throws IOException {
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder all = new StringBuilder();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.startsWith(LISTENING)) {
                Thread rest = new Thread(() -> out.lines().forEach(l -> {}), "chromium-out");
                rest.setDaemon(true);
                rest.start();
                return line.substring(LISTENING.length());
            }
            all.append(line).append('\n');
        }
        throw new AssertionError("chromium ended: " + all);
    }

    /** A command of the protocol to the page, and its result. */
    Map<String, Object> call(String method, Map<String, ?> parameters) {
        return call(session, method, parameters);
    }

    private Map<String, Object> call(String to, String method, Map<String, ?> parameters) {
        int id = ids.incrementAndGet();
        Map<String, Object> message = new LinkedHashMap<>(Map.of("id", id, "method", method, "params", parameters));
        if (to != null) {
            message.put("sessionId", to);
        }
        CompletableFuture<Map<String, Object>> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(text(message), true).join();
        Map<String, Object> told =
                answer.orTimeout(PATIENCE_S, TimeUnit.SECONDS).join();
        if (told.containsKey("error")) {
            throw new AssertionError(method + ": " + told.get("error"));
        }
        return object(told.get("result"));
    }

    /** The value of a JavaScript expression, a promise's included. */
    Object value(String expression) {
        Map<String, Object> answer =
                call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        if (answer.containsKey("exceptionDetails")) {
            throw new AssertionError(expression + ": " + answer.get("exceptionDetails"));
        }
        return object(answer.get("result")).get("value");
    }

    /** Waits until an expression is true. */
    void await(String expression) {
        try {
            Clients.await(expression, () -> Boolean.TRUE.equals(value("Boolean(" + expression + ")")));
        } catch (AssertionError e) {
            throw new AssertionError(
                    e.getMessage() + "; the page shows: " + value("document.body.innerText") + errors, e);
        }
    }

    /** Goes to a page anew. */
    void open(String url) {
        call("Page.navigate", Map.of("url", url));
        await("document.readyState === 'complete' && location.href === '" + url + "'");
    }

    /** A key is pressed and released. */
    void press(String key, int code) {
        Map<String, Object> event =
                new LinkedHashMap<>(Map.of("type", "keyDown", "key", key, "code", key, "windowsVirtualKeyCode", code));
        if (key.equals("Enter")) {
            event.put("text", "\r");
        }
        call("Input.dispatchKeyEvent", event);
        event.put("type", "keyUp");
        event.remove("text");
        call("Input.dispatchKeyEvent", event);
    }

    /** Text comes into what has the focus. */
    void type(String text) {
        call("Input.insertText", Map.of("text", text));
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder parts = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            parts.append(data);
            if (last) {
                String message = parts.toString();
                parts.setLength(0);
                heard(object(parsed(message)));
            }
            from.request(1);
            return null;
        }
    }

    private void heard(Map<String, Object> message) {
        if (message.get("id") instanceof Number id) {
            answers.remove(id.intValue()).complete(message);
            return;
        }
        Map<String, Object> parameters = object(message.get("params"));
        switch ((String) message.get("method")) {
            case "Runtime.exceptionThrown" -> errors.add(parameters.toString());
            case "Runtime.consoleAPICalled" -> {
                if (parameters.get("type").equals("error")) {
                    errors.add(parameters.toString());
                }
            }
            case "Log.entryAdded" -> {
                Map<String, Object> entry = object(parameters.get("entry"));
                // A broker may be busy; then the page asks again.
                boolean busy = entry.get("source").equals("network")
                        && String.valueOf(entry.get("text")).contains(" 503 ");
                if (entry.get("level").equals("error") && !busy) {
                    errors.add(parameters.toString());
                }
            }
            case "Network.requestWillBeSent" ->
                requests.add((String) object(parameters.get("request")).get("url"));
            default -> {}
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return value == null ? Map.of() : (Map<String, Object>) value;
    }

    private static String text(Object value) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            write(json, value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private static void write(JsonGenerator json, Object value) throws IOException {
        if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                json.writeFieldName((String) entry.getKey());
                write(json, entry.getValue());
            }
            json.writeEndObject();
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            for (Object one : list) {
                write(json, one);
            }
            json.writeEndArray();
        } else if (value instanceof Number || value instanceof Boolean) {
            json.writeRawValue(value.toString());
        } else {
            json.writeString((String) value);
        }
    }

    private static Object parsed(String text) {
        try (JsonParser json = JSON.createParser(text)) {
            json.nextToken();
            return read(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Object read(JsonParser json) throws IOException {
        return switch (json.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> object = new LinkedHashMap<>();
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    String name = json.currentName();
                    json.nextToken();
                    object.put(name, read(json));
                }
                yield object;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    list.add(read(json));
                }
                yield list;
            }
            case VALUE_TRUE, VALUE_FALSE -> json.getBooleanValue();
            case VALUE_NULL -> null;
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> json.getNumberValue();
            default -> json.getText();
        };
    }

    @Override
    public void close() throws IOException {
        socket.abort();
        List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        process.onExit().orTimeout(PATIENCE_S, TimeUnit.SECONDS).join();
        all.forEach(
                child -> child.onExit().orTimeout(PATIENCE_S, TimeUnit.SECONDS).join());
        Children.ended(process);
        try (Stream<Path> files = Files.walk(profile)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
