package io.troupe.http;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * One thing that the API does.
 *
 * @param method as in GET
 * @param template of its path, as in {@code /topics/{topic}}; a part in braces takes any one segment
 * @param always whether it is done however busy the port is
 * @param parts of the template
 */
record Route(String method, String template, boolean always, Handler handler, List<String> parts) {
    Route(String method, String template, boolean always, Handler handler) {
        this(method, template, always, handler, parts(template));
    }

    private static List<String> parts(String template) {
        return template.equals("/") ? List.of() : List.of(template.substring(1).split("/"));
    }

    /** Does it. On the port's executor; never blocks. A HttpFailure, thrown or in the future, becomes its answer. */
    interface Handler {
        CompletionStage<HttpResponse> handle(Exchange exchange);
    }

    static Route of(String method, String template, Handler handler) {
        return new Route(method, template, false, handler);
    }

    /** The values of the parts in braces; empty when the path is another. */
    Optional<Map<String, String>> match(List<String> segments) {
        if (parts.size() != segments.size()) {
            return Optional.empty();
        }
        // Most routes are another one.
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i).charAt(0) != '{' && !parts.get(i).equals(segments.get(i))) {
                return Optional.empty();
            }
        }
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < parts.size(); i++) {
            String part = parts.get(i);
            if (part.charAt(0) == '{') {
                values.put(part.substring(1, part.length() - 1), segments.get(i));
            }
        }
        return Optional.of(values);
    }
}
