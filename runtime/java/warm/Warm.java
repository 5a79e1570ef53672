/* See ../src/ngxfaas/Warm.java. */

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

public class Warm
    implements RequestHandler<Map<String, Object>, Map<String, Object>>
{
    private static final Pattern WORD = Pattern.compile("\\w+");

    public record Part(String body, List<Double> n) {
    }

    public static class Answer {
        private final int status = 200;
        private final String body;

        Answer(String body) {
            this.body = body;
        }

        public int getStatusCode() {
            return status;
        }

        public String getBody() {
            return body;
        }
    }


    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event,
                                             Context context) {
        List<Object> list = new ArrayList<>(event.values());
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        Function<Object, String> text = o -> "<" + o + ">";
        int n = list.size();

        list.forEach(o -> seen.merge(text.apply(o), 1, Integer::sum));

        List<String> names = seen.entrySet().stream()
            .filter(e -> e.getValue() > 0).map(Map.Entry::getKey)
            .sorted(Comparator.naturalOrder()).collect(Collectors.toList());

        String joined = String.join(",", names) + n + ' ' + 1.5
                        + WORD.matcher("a b").replaceAll("x");

        printed(joined + " of " + context.getFunctionName());

        Map<String, Object> answer = new HashMap<>();

        answer.put("statusCode", 200);
        answer.put("headers", Map.of("Content-Type", "text/plain"));
        answer.put("body", Base64.getEncoder().encodeToString(
            joined.getBytes(StandardCharsets.UTF_8)));
        answer.put("time", Instant.now().toString());
        answer.put("left", context.getRemainingTimeInMillis());
        answer.put("none", Optional.ofNullable(event.get("none"))
                                   .map(Object::toString).orElse(""));
        return answer;
    }


    private static void printed(String text) {
        PrintStream out = new PrintStream(OutputStream.nullOutputStream(),
                                          true, StandardCharsets.UTF_8);

        out.println(text);
        out.println(String.format(Locale.ROOT, "%5d %-5s %.2f", 1, "a", 1.0));
    }


    public Answer records(Part part, Context context) {
        return new Answer(part.body() + part.n().size());
    }


    public void streams(InputStream in, OutputStream out) throws IOException {
        out.write(in.readAllBytes());
    }
}
