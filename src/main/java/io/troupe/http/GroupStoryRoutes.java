package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** One group as its coordinator knows it: why it is on the move, who has what, and how far behind it is in records and in time. */
final class GroupStoryRoutes {
    private final Groups groups;
    private final GroupStory story;

    GroupStoryRoutes(Groups groups, GroupStory story) {
        this.groups = groups;
        this.story = story;
    }

    List<Route> routes() {
        return List.of(Route.of("GET", "/troupe/groups/{group}", this::group));
    }

    private CompletionStage<HttpResponse> group(Exchange exchange) {
        return groups.one(exchange.path("group")).thenCompose(group -> story.of(group)
                .thenCombine(
                        groups.lags(group.groupId()),
                        (told, lags) -> Exchange.answer(
                                200, MediaTypes.JSON, Json.bytes(json -> write(json, group, told, lags)))));
    }

    private static void write(JsonGenerator json, Groups.Listed group, GroupStory.Told told, List<Groups.Lag> lags)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("group", group.groupId());
        json.writeStringField("state", group.state());
        json.writeStringField("type", group.type());
        json.writeStringField("assignor", told.assignor());
        json.writeNumberField("coordinator", group.coordinator());
        json.writeNumberField("time_ms", System.currentTimeMillis());
        json.writeArrayFieldStart("members");
        for (GroupStory.Member member : told.members()) {
            write(json, member);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("events");
        for (GroupStory.Event event : told.events()) {
            json.writeStartObject();
            json.writeNumberField("time_ms", event.timeMs());
            json.writeStringField("kind", event.kind());
            json.writeNumberField("epoch", event.epoch());
            json.writeStringField("member", event.member());
            json.writeNumberField("took_ms", event.tookMs());
            json.writeStringField("text", event.text());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("lags");
        for (Groups.Lag lag : lags) {
            json.writeStartObject();
            json.writeStringField("topic", lag.partition().topic());
            json.writeNumberField("partition", lag.partition().partition());
            json.writeNumberField("current_offset", lag.committed());
            json.writeNumberField("log_end_offset", lag.end());
            json.writeNumberField("lag", lag.records());
            json.writeNumberField("lag_ms", lag.waitingMs());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, GroupStory.Member member) throws IOException {
        json.writeStartObject();
        json.writeStringField("member_id", member.memberId());
        json.writeStringField("instance_id", member.instanceId());
        json.writeStringField("client_id", member.clientId());
        json.writeStringField("host", member.host());
        json.writeNumberField("epoch", member.epoch());
        json.writeFieldName("owns");
        write(json, member.owns());
        json.writeFieldName("target");
        if (member.target() == null) {
            json.writeNull();
        } else {
            write(json, member.target());
        }
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, Map<String, List<Integer>> partitions) throws IOException {
        json.writeStartObject();
        for (Map.Entry<String, List<Integer>> topic : partitions.entrySet()) {
            json.writeArrayFieldStart(topic.getKey());
            for (int partition : topic.getValue()) {
                json.writeNumber(partition);
            }
            json.writeEndArray();
        }
        json.writeEndObject();
    }
}
