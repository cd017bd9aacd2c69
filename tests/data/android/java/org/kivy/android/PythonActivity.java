package org.kivy.android;

import android.app.Activity;
import android.content.Intent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** Has the listeners of python-for-android's activity, and answers on a thread of its own. */
public class PythonActivity extends Activity {
  public static final PythonActivity mActivity = new PythonActivity();

  private final List<ActivityResultListener> listeners =
      Collections.synchronizedList(new ArrayList<>());
  private PermissionsCallback permissionsCallback;

  public interface ActivityResultListener {
    void onActivityResult(int requestCode, int resultCode, Intent data);
  }

  public interface PermissionsCallback {
    void onRequestPermissionsResult(int requestCode, String[] permissions, int[] grantResults);
  }

  public void registerActivityResultListener(ActivityResultListener listener) {
    listeners.add(listener);
  }

  public void unregisterActivityResultListener(ActivityResultListener listener) {
    listeners.remove(listener);
  }

  public void addPermissionsCallback(PermissionsCallback callback) {
    permissionsCallback = callback;
  }

  public boolean checkCurrentPermission(String permission) {
    return checkSelfPermission(permission) == 0;
  }

  public void requestPermissionsWithRequestCode(String[] permissions, int requestCode) {
    requestPermissions(permissions, requestCode);
  }

  /** What Android calls when the other app's screen has closed. */
  public void answer(int request, int result, Intent intent) throws InterruptedException {
    onUiThread(
        () -> {
          // A listener that leaves while this runs ends it, as in python-for-android.
          Iterator<ActivityResultListener> iterator = listeners.iterator();
          while (iterator.hasNext()) {
            iterator.next().onActivityResult(request, result, intent);
          }
        });
  }

  /** What Android calls when the user has answered a question for permissions. */
  public void answerPermissions(int[] results) throws InterruptedException {
    onUiThread(
        () -> permissionsCallback.onRequestPermissionsResult(askedRequest, asked, results));
  }

  private static void onUiThread(Runnable work) throws InterruptedException {
    Thread thread = new Thread(work, "android-ui");
    thread.start();
  }
}
