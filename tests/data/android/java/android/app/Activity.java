package android.app;

import android.content.ContentResolver;
import android.content.Intent;
import android.content.res.Resources;
import android.view.WindowManager;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Remembers what it was asked to start, and is as strict as Android about what it is given. */
public class Activity {
  /** Actions that no app on this phone answers. */
  public final Set<String> unanswered = new HashSet<>();

  public final List<Intent> started = new ArrayList<>();
  public final List<Integer> requests = new ArrayList<>();
  public final Set<String> granted = new HashSet<>();
  public String[] asked;
  public int askedRequest;
  public int timesAsked = 0;
  private final ContentResolver resolver = new ContentResolver();
  private final WindowManager windows = new WindowManager();
  private final Resources resources = new Resources();

  public void startActivityForResult(Intent intent, int request) {
    if (request < 0 || request > 0xFFFF) {
      throw new IllegalArgumentException("Can only use lower 16 bits for requestCode");
    }
    startActivity(intent);
    requests.add(request);
  }

  public void startActivity(Intent intent) {
    if (unanswered.contains(intent.getAction())) {
      throw new ActivityNotFoundException("No Activity found to handle " + intent.getAction());
    }
    started.add(intent);
  }

  public ContentResolver getContentResolver() {
    return resolver;
  }

  public WindowManager getWindowManager() {
    return windows;
  }

  public Resources getResources() {
    return resources;
  }

  public int checkSelfPermission(String permission) {
    return granted.contains(permission) ? 0 : -1;
  }

  public void requestPermissions(String[] permissions, int request) {
    asked = permissions;
    askedRequest = request;
    timesAsked++;
  }

  public static class ActivityNotFoundException extends RuntimeException {
    public ActivityNotFoundException(String message) {
      super(message);
    }
  }
}
