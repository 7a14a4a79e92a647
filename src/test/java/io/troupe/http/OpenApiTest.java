package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.protocol.RequestTimes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The description says what there is, all of it and nothing else. */
class OpenApiTest {
    private static Set<String> described() {
        return operations(".");
    }

    /** Those in whose description this is found. */
    private static Set<String> operations(String expression) {
        Pattern wanted = Pattern.compile(expression);
        Set<String> operations = new TreeSet<>();
        Json.read(OpenApi.document(), json -> {
            Json.object(json, "document", (part, value) -> {
                if (!part.equals("paths")) {
                    value.skipChildren();
                    return;
                }
                Json.object(
                        value,
                        part,
                        (path, methods) -> Json.object(methods, path, (method, operation) -> {
                            String description = new String(Json.compact(operation), StandardCharsets.UTF_8);
                            if (wanted.matcher(description).find()) {
                                operations.add(method.toUpperCase(Locale.ROOT) + " " + path);
                            }
                        }));
            });
            return null;
        });
        return operations;
    }

    private static List<Route> routes() {
        BrokerConfig config = ServerProperties.parse(Map.of("node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:0"))
                .config();
        FakeCluster cluster = new FakeCluster();
        return HttpService.routes(
                new HttpService.Parts(
                        config, config.listeners().get(0), cluster.metadata, null, List.of(), new RequestTimes()),
                cluster,
                () -> 1,
                Runnable::run,
                parts -> null);
    }

    @Test
    void itDescribesExactlyTheRoutes() {
        Set<String> served = new TreeSet<>();
        routes().forEach(route ->
                assertTrue(served.add(route.method() + " " + route.template()), () -> "twice: " + route.template()));
        assertEquals(served, described());
    }

    /** All but the probes are refused to who calls the port by another's name, and events from an offset that is gone. */
    @Test
    void itNamesWhatIsMisdirectedOrGoneWhereThatIsAnswered() {
        Set<String> guarded = new TreeSet<>();
        routes().stream()
                .filter(route -> !route.always())
                .forEach(route -> guarded.add(route.method() + " " + route.template()));
        assertEquals(guarded, operations("\"421\":"));
        assertEquals(operations("text/event-stream"), operations("\"410\":"));
    }

    @Test
    void whatItRefersToIsThere() throws IOException {
        String text = new String(OpenApi.document(), StandardCharsets.UTF_8);
        Set<String> there = new TreeSet<>();
        Json.read(OpenApi.document(), json -> {
            Json.object(json, "document", (part, value) -> {
                if (part.equals("components")) {
                    Json.object(
                            value,
                            part,
                            (name, all) -> Json.object(all, name, (one, definition) -> {
                                there.add(name + "/" + one);
                                skip(definition);
                            }));
                } else {
                    skip(value);
                }
            });
            return null;
        });
        Matcher references = Pattern.compile("#/components/(\\w+/\\w+)").matcher(text);
        Set<String> referred = new TreeSet<>();
        while (references.find()) {
            referred.add(references.group(1));
        }
        assertEquals(there, referred);
    }

    private static void skip(JsonParser json) throws IOException {
        if (json.currentToken() == JsonToken.START_OBJECT || json.currentToken() == JsonToken.START_ARRAY) {
            json.skipChildren();
        }
    }
}
