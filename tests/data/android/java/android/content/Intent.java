package android.content;

import android.net.Uri;
import android.os.Bundle;
import android.os.Parcelable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

public class Intent implements Parcelable {
  public static final String ACTION_GET_CONTENT = "android.intent.action.GET_CONTENT";
  public static final String ACTION_CREATE_DOCUMENT = "android.intent.action.CREATE_DOCUMENT";
  public static final String ACTION_SEND = "android.intent.action.SEND";
  public static final String ACTION_CHOOSER = "android.intent.action.CHOOSER";
  public static final String CATEGORY_OPENABLE = "android.intent.category.OPENABLE";
  public static final String EXTRA_ALLOW_MULTIPLE = "android.intent.extra.ALLOW_MULTIPLE";
  public static final String EXTRA_STREAM = "android.intent.extra.STREAM";
  public static final String EXTRA_TITLE = "android.intent.extra.TITLE";
  public static final String EXTRA_INTENT = "android.intent.extra.INTENT";
  public static final int FLAG_GRANT_READ_URI_PERMISSION = 1;

  private final String action;
  private String type;
  private int flags;
  private Uri data;
  private ClipData clip;
  private final List<String> categories = new ArrayList<>();
  private final Map<String, Object> extras = new TreeMap<>();

  public Intent() {
    this(null);
  }

  public Intent(String action) {
    this.action = action;
  }

  public static Intent createChooser(Intent target, CharSequence title) {
    Intent chooser = new Intent(ACTION_CHOOSER);
    chooser.extras.put(EXTRA_INTENT, target);
    return chooser;
  }

  public String getAction() {
    return action;
  }

  public Intent setType(String type) {
    this.type = type;
    return this;
  }

  public Intent addCategory(String category) {
    categories.add(category);
    return this;
  }

  public Intent addFlags(int flags) {
    this.flags |= flags;
    return this;
  }

  public Intent setData(Uri data) {
    this.data = data;
    return this;
  }

  public Uri getData() {
    return data;
  }

  public void setClipData(ClipData clip) {
    this.clip = clip;
  }

  public ClipData getClipData() {
    return clip;
  }

  public Intent putExtras(Bundle bundle) {
    extras.putAll(bundle.values);
    return this;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(String.valueOf(action));
    text.append(" type=").append(type).append(" flags=").append(flags);
    text.append(" ").append(categories);
    extras.forEach(
        (name, value) ->
            text.append("\n")
                .append(name)
                .append(" = ")
                .append(value.getClass().getSimpleName())
                .append(" ")
                .append(value));
    return text.toString();
  }
}
