package io.troupe.http;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import java.io.NotSerializableException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * The bytes of {@link InstanceMessage}s: the manifest names the message, its fields follow in the encoding of
 * {@link io.troupe.metadata.MetadataCodec}. Bytes that do not fit are a {@link NotSerializableException}: the message is dropped, and
 * whoever sent it does so again.
 */
public final class InstanceSerializer extends SerializerWithStringManifest {
    private static final int IDENTIFIER = 7303;

    private final ActorRefResolver refs;

    public InstanceSerializer(ExtendedActorSystem system) {
        refs = ActorRefResolver.get(Adapter.toTyped(system));
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(Object message) {
        if (message instanceof InstanceActor.Ask ask) {
            return action(ask.action());
        } else if (message instanceof InstanceReply.Done) {
            return "OK";
        } else if (message instanceof InstanceReply.Busy) {
            return "BU";
        } else if (message instanceof InstanceReply.Refused) {
            return "NO";
        } else if (message instanceof InstanceReply.Described) {
            return "DE";
        } else if (message instanceof InstanceReply.Granted) {
            return "GR";
        } else if (message instanceof InstanceReply.Taken) {
            return "TA";
        }
        throw new IllegalArgumentException("no message of a consumer instance: " + message.getClass());
    }

    private static String action(InstanceAction action) {
        if (action instanceof InstanceAction.Create) {
            return "C";
        } else if (action instanceof InstanceAction.Delete) {
            return "D";
        } else if (action instanceof InstanceAction.Subscribe) {
            return "S";
        } else if (action instanceof InstanceAction.Unsubscribe) {
            return "U";
        } else if (action instanceof InstanceAction.Assign) {
            return "A";
        } else if (action instanceof InstanceAction.Describe) {
            return "W";
        } else if (action instanceof InstanceAction.Read) {
            return "R";
        } else if (action instanceof InstanceAction.Take) {
            return "T";
        } else if (action instanceof InstanceAction.Leave) {
            return "L";
        } else if (action instanceof InstanceAction.Seek) {
            return "P";
        } else if (action instanceof InstanceAction.Lost) {
            return "G";
        } else if (action instanceof InstanceAction.Commit) {
            return "O";
        }
        return "X";
    }

    @Override
    public byte[] toBinary(Object message) {
        FieldWriter w = new FieldWriter();
        if (message instanceof InstanceActor.Ask ask) {
            w.putString(refs.toSerializationFormat(ask.replyTo()));
            putAction(w, ask.action());
        } else if (message instanceof InstanceReply.Refused m) {
            w.putInt(m.errorCode()).putString(m.message());
        } else if (message instanceof InstanceReply.Described m) {
            w.putBytes(m.definition().toBytes()).putList(m.assignment(), InstanceDefinition::putPartition);
            w.putBoolean(m.more());
        } else if (message instanceof InstanceReply.Granted m) {
            w.putBytes(m.definition().toBytes()).putBoolean(m.settled());
            w.putList(m.places(), InstanceSerializer::putPlace);
        } else if (message instanceof InstanceReply.Taken m) {
            w.putList(m.partitions(), InstanceDefinition::putPartition);
        }
        return w.toByteArray();
    }

    private static void putAction(FieldWriter w, InstanceAction action) {
        if (action instanceof InstanceAction.Create m) {
            w.putBytes(m.definition().toBytes());
        } else if (action instanceof InstanceAction.Subscribe m) {
            w.putBoolean(m.topics() != null);
            if (m.topics() != null) {
                w.putList(m.topics(), FieldWriter::putString);
            }
            w.putString(m.pattern());
        } else if (action instanceof InstanceAction.Assign m) {
            w.putList(m.partitions(), InstanceDefinition::putPartition);
        } else if (action instanceof InstanceAction.Describe m) {
            w.putBoolean(m.after() != null);
            if (m.after() != null) {
                InstanceDefinition.putPartition(w, m.after());
            }
        } else if (action instanceof InstanceAction.Read m) {
            w.putLong(m.lease());
        } else if (action instanceof InstanceAction.Take m) {
            w.putLong(m.lease()).putList(m.steps(), (wr, s) -> {
                putPartition(wr, s.partition());
                wr.putLong(s.from()).putLong(s.next());
            });
        } else if (action instanceof InstanceAction.Leave m) {
            w.putLong(m.lease()).putBoolean(m.done());
        } else if (action instanceof InstanceAction.Seek m) {
            w.putList(m.places(), InstanceSerializer::putPlace);
        } else if (action instanceof InstanceAction.Lost m) {
            w.putList(m.places(), InstanceSerializer::putPlace);
        } else if (action instanceof InstanceAction.Commit m) {
            w.putBoolean(m.offsets() != null);
            if (m.offsets() != null) {
                w.putList(m.offsets(), InstanceSerializer::putPlace);
            }
        }
    }

    private static void putPlace(FieldWriter w, InstanceAction.Place place) {
        putPartition(w, place.partition());
        w.putLong(place.offset()).putString(place.metadata());
    }

    private static InstanceAction.Place getPlace(FieldReader r) {
        return new InstanceAction.Place(getPartition(r), r.getLong(), r.getString());
    }

    private static void putPartition(FieldWriter w, TopicIdPartition partition) {
        w.putUuid(partition.topicId());
        InstanceDefinition.putPartition(w, partition.topicPartition());
    }

    private static TopicIdPartition getPartition(FieldReader r) {
        return new TopicIdPartition(r.getUuid(), InstanceDefinition.getPartition(r));
    }

    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        FieldReader r = new FieldReader(bytes);
        try {
            Object message =
                    switch (manifest) {
                        case "OK" -> new InstanceReply.Done();
                        case "BU" -> new InstanceReply.Busy();
                        case "NO" -> new InstanceReply.Refused(r.getInt(), r.getString());
                        case "DE" ->
                            new InstanceReply.Described(
                                    InstanceDefinition.fromBytes(r.getBytes()),
                                    r.getList(InstanceDefinition::getPartition),
                                    r.getBoolean());
                        case "GR" ->
                            new InstanceReply.Granted(
                                    InstanceDefinition.fromBytes(r.getBytes()),
                                    r.getBoolean(),
                                    r.getList(InstanceSerializer::getPlace));
                        case "TA" -> new InstanceReply.Taken(r.getList(InstanceDefinition::getPartition));
                        default ->
                            new InstanceActor.Ask(
                                    refs.<InstanceReply>resolveActorRef(r.getString()), getAction(r, manifest));
                    };
            r.expectEnd();
            return message;
        } catch (RuntimeException e) {
            throw new NotSerializableException("message '" + manifest + "' of a consumer instance: " + e);
        }
    }

    private static InstanceAction getAction(FieldReader r, String manifest) {
        return switch (manifest) {
            case "C" -> new InstanceAction.Create(InstanceDefinition.fromBytes(r.getBytes()));
            case "D" -> new InstanceAction.Delete();
            case "S" ->
                new InstanceAction.Subscribe(r.getBoolean() ? r.getList(FieldReader::getString) : null, r.getString());
            case "U" -> new InstanceAction.Unsubscribe();
            case "A" -> new InstanceAction.Assign(r.getList(InstanceDefinition::getPartition));
            case "W" -> new InstanceAction.Describe(r.getBoolean() ? InstanceDefinition.getPartition(r) : null);
            case "R" -> new InstanceAction.Read(r.getLong());
            case "T" ->
                new InstanceAction.Take(
                        r.getLong(),
                        r.getList(s -> new InstanceAction.Step(getPartition(s), s.getLong(), s.getLong())));
            case "L" -> new InstanceAction.Leave(r.getLong(), r.getBoolean());
            case "P" -> new InstanceAction.Seek(r.getList(InstanceSerializer::getPlace));
            case "G" -> new InstanceAction.Lost(r.getList(InstanceSerializer::getPlace));
            case "O" -> new InstanceAction.Commit(r.getBoolean() ? r.getList(InstanceSerializer::getPlace) : null);
            case "X" -> new InstanceAction.Touch();
            default -> throw new IllegalArgumentException("unknown: sent by a newer version of Troupe");
        };
    }
}
