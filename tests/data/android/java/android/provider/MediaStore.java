package android.provider;

import android.net.Uri;

public final class MediaStore {
  public static final String ACTION_PICK_IMAGES = "android.provider.action.PICK_IMAGES";
  public static final String EXTRA_PICK_IMAGES_MAX = "android.provider.extra.PICK_IMAGES_MAX";

  public static final class Downloads {
    public static final Uri EXTERNAL_CONTENT_URI = new Uri("content://media/external/downloads");
  }
}
