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
                            operations.add(method.toUpperCase(Locale.ROOT) + " " + path);
                            operation.skipChildren();
                        }));
            });
            return null;
        });
        return operations;
    }

    @Test
    void itDescribesExactlyTheRoutes() {
        BrokerConfig config = ServerProperties.parse(Map.of("node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:0"))
                .config();
        FakeCluster cluster = new FakeCluster();
        List<Route> routes = HttpService.routes(
                new HttpService.Parts(
                        config, config.listeners().get(0), cluster.metadata, null, List.of(), new RequestTimes()),
                cluster,
                Runnable::run,
                parts -> null);
        Set<String> served = new TreeSet<>();
        routes.forEach(route ->
                assertTrue(served.add(route.method() + " " + route.template()), () -> "twice: " + route.template()));
        assertEquals(served, described());
    }

    @Test
    void whatItRefersToIsThere() throws IOException {
        String text = new String(OpenApi.document(), StandardCharsets.UTF_8);
        Set<String> schemas = new TreeSet<>();
        Json.read(OpenApi.document(), json -> {
            Json.object(json, "document", (part, value) -> {
                if (part.equals("components")) {
                    Json.object(
                            value,
                            part,
                            (name, all) -> Json.object(all, name, (schema, definition) -> {
                                schemas.add(schema);
                                skip(definition);
                            }));
                } else {
                    skip(value);
                }
            });
            return null;
        });
        Matcher references = Pattern.compile("#/components/schemas/(\\w+)").matcher(text);
        Set<String> referred = new TreeSet<>();
        while (references.find()) {
            referred.add(references.group(1));
        }
        assertEquals(schemas, referred);
    }

    private static void skip(JsonParser json) throws IOException {
        if (json.currentToken() == JsonToken.START_OBJECT || json.currentToken() == JsonToken.START_ARRAY) {
            json.skipChildren();
        }
    }
}
