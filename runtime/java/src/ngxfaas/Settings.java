/* What the supervisor says of a function: FAAS_CTL_INIT in faas_proto.h. */

package ngxfaas;

import java.nio.charset.StandardCharsets;
import java.util.Map;

final class Settings {

    final String handler, root, name, version, logGroup, logStream;
    final int memory;
    private final Map<?, ?> environment;


    Settings(byte[] json) {
        Map<?, ?> all = LambdaContext.map(JsonReader.read(json, 0,
            json.length, false));

        root = LambdaContext.string(all, "taskRoot");
        name = LambdaContext.string(all, "functionName");
        version = LambdaContext.string(all, "functionVersion");
        logGroup = LambdaContext.string(all, "logGroup");
        logStream = LambdaContext.string(all, "logStream");
        memory = ((Number) all.get("memoryMB")).intValue();

        Map<?, ?> given = all.containsKey("environment")
            ? LambdaContext.map(all.get("environment")) : null;

        /* AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes */

        environment = given != null ? given : System.getenv();

        String named = given != null ? null : variable("_HANDLER");
        handler = named != null ? named
                                : LambdaContext.string(all, "handler");
    }


    String variable(String name) {
        return LambdaContext.string(environment, name);
    }


    /* As Native.environment() takes them. */

    byte[][] variables() {
        byte[][] pairs = new byte[environment.size() * 2][];
        int n = 0;

        for (Map.Entry<?, ?> e : environment.entrySet()) {
            String value = String.valueOf(e.getValue());

            /* "java" is whichever there is; Lambda says which */

            if (e.getKey().equals("AWS_EXECUTION_ENV")
                && value.equals("AWS_Lambda_java"))
            {
                value += Runtime.version().feature();
            }

            pairs[n++] = bytes((String) e.getKey());
            pairs[n++] = bytes(value);
        }

        return pairs;
    }


    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
